"""``manage.py config_sample``: every setting with its default and meaning."""

import textwrap
from collections.abc import Iterator
from itertools import groupby
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from dbaas.settings.options import OPTIONS, PROJECT_ROOT, Option  # noqa: TID251 - the table itself


class Command(BaseCommand):
    help = "Print all settings with defaults, meaning and Trove's names, as an environment file or Markdown."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--format", choices=("env", "markdown"), default="env")

    def handle(self, *args: Any, **options: Any) -> None:
        lines = _markdown() if options["format"] == "markdown" else _environment()
        self.stdout.write("\n".join(lines))


def _environment() -> Iterator[str]:
    for title, members in groupby(OPTIONS, key=lambda option: option.group):
        yield f"# ---- {title} " + "-" * max(3, 90 - len(title))
        for option in members:
            yield ""
            yield from textwrap.wrap(_meaning(option), 100, initial_indent="# ", subsequent_indent="# ")
            yield f"#{option.name}={_default(option)}"
        yield ""


def _markdown() -> Iterator[str]:
    for title, members in groupby(OPTIONS, key=lambda option: option.group):
        yield f"## {title}\n"
        yield "| Setting | Default | Trove's name | Meaning |"
        yield "|---|---|---|---|"
        for option in members:
            default = f"`{_default(option)}`" if option.default else ""
            trove = f"`{option.trove}`" if option.trove else ""
            meaning = option.help.replace("|", "\\|") + (" *Secret.*" if option.secret else "")
            yield f"| `{option.name}` | {default} | {trove} | {meaning} |"
        yield ""


def _default(option: Option) -> str:
    return option.default.replace(str(PROJECT_ROOT), "<project>")


def _meaning(option: Option) -> str:
    notes = [option.help]
    if option.trove:
        notes.append(f"Trove: {option.trove}.")
    if option.secret:
        notes.append(f"Secret: {option.name}_FILE may name a file that holds it.")
    return " ".join(notes)
