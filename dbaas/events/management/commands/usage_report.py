"""Print what projects used."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from dbaas.common.errors import BadRequest
from dbaas.common.times import api_timestamp
from dbaas.events import usage
from dbaas.events.api.serializers import UsageSerializer
from dbaas.events.api.times import moment
from dbaas.events.api.usage_views import period

COLUMNS = ("instances", "instance_seconds", "vcpu_seconds", "ram_mb_seconds", "volume_gb_seconds")


class Command(BaseCommand):
    help = (
        "What each project used between two times (default: this month so far); with --project, each "
        "instance of it. Seconds are exact; multiply by your prices."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--start", help="ISO 8601, UTC: 2026-01-01 or 2026-01-01T00:00:00")
        parser.add_argument("--end", help="the same; exclusive")
        parser.add_argument("--project", help="a project's id")
        parser.add_argument("--format", choices=("table", "csv", "json"), default="table")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            start, end = period(moment("start", options["start"]), moment("end", options["end"]))
        except BadRequest as error:
            raise CommandError(str(error)) from error
        project, name = options["project"], "resource_id" if options["project"] else "project_id"
        found = (
            usage.usage_of_resources(start, end, project) if project else usage.usage_of_projects(start, end)
        )
        rows = [dict(UsageSerializer(row).data) for row in found]
        if options["format"] == "json":
            shown = {"start": api_timestamp(start), "end": api_timestamp(end), "usage": rows}
            self.stdout.write(json.dumps(shown, indent=2))
            return
        lines = [(name, *COLUMNS), *((row[name], *(row[column] for column in COLUMNS)) for row in rows)]
        if options["format"] == "csv":
            for line in lines:
                self.stdout.write(",".join(map(str, line)))
            return
        self.stdout.write(f"From {api_timestamp(start)} until {api_timestamp(end)} (UTC)")
        widths = [max(len(str(line[place])) for line in lines) for place in range(len(lines[0]))]
        for line in lines:
            first, *numbers = (str(cell) for cell in line)
            cells = (cell.rjust(width) for cell, width in zip(numbers, widths[1:], strict=True))
            self.stdout.write("  ".join([first.ljust(widths[0]), *cells]))
