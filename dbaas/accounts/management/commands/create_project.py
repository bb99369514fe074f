"""Create a project of the built-in identity."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from dbaas.accounts import services
from dbaas.common.errors import DbaasError


class Command(BaseCommand):
    help = "Create a project and print its id. One that is there already is left as it is."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name")
        parser.add_argument("--description", default="")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            project, _ = services.project_ensure(name=options["name"], description=options["description"])
        except DbaasError as error:
            raise CommandError(error.message) from error
        self.stdout.write(project.id)
