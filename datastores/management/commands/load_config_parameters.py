from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from datastores import definitions, selectors, services
from datastores.management.refusals import told_to_the_user


class Command(BaseCommand):
    help = "Create or change the configuration parameters of a datastore version as a JSON file defines them."

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        # Trove's tool says --version here, where Django would print its own.
        return super().create_parser(prog_name, subcommand, conflict_handler="resolve", **kwargs)

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("datastore", metavar="DATASTORE", help="id or name")
        parser.add_argument("name", metavar="VERSION", help="id or name of the version")
        parser.add_argument("file", metavar="FILE", type=Path, help="ours, or a rules file written for Trove")
        parser.add_argument(
            "--version", dest="number", metavar="NUMBER", help="needed when versions share the name"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        with told_to_the_user():
            found = definitions.read_file(options["file"])
            version = selectors.resolve_version(
                datastore=options["datastore"],
                version=options["name"],
                version_number=options["number"],
                include_inactive=True,
            )
            loaded = services.configuration_parameters_load(version=version, definitions=found)
        self.stdout.write(
            f"{version}: {loaded.created} parameters created, {loaded.updated} changed, "
            f"{loaded.unchanged} as they were."
        )
