"""``manage.py doctor``: what is wrong with this installation, and how to mend each thing."""

import json
import sys
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from dbaas.common.doctor import CHECKS, Finding, Level, examine

_MARKS = {Level.OK: "ok  ", Level.WARNING: "warn", Level.ERROR: "FAIL"}


class Command(BaseCommand):
    help = "Examine this installation; exit code 1 when something does not work."
    requires_system_checks = []  # they are among the findings

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="a list of findings, for programs")

    def handle(self, *args: Any, **options: Any) -> None:
        findings = examine(CHECKS)
        if options["json"]:
            self.stdout.write(json.dumps([asdict(finding) for finding in findings], indent=2))
        else:
            for finding in findings:
                self._write(finding)
        if any(finding.level is Level.ERROR for finding in findings):
            sys.exit(1)

    def _write(self, finding: Finding) -> None:
        style = {
            Level.OK: self.style.SUCCESS,
            Level.WARNING: self.style.WARNING,
            Level.ERROR: self.style.ERROR,
        }
        self.stdout.write(f"{style[finding.level](_MARKS[finding.level])}  {finding.about}: {finding.says}")
        if finding.mend:
            self.stdout.write(f"      → {finding.mend}")
