from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from datastores import services
from datastores.management.refusals import told_to_the_user


def comma_separated(value: str) -> list[str]:
    return [word.strip() for word in value.split(",") if word.strip()]


class Command(BaseCommand):
    help = "Create a datastore version, and its datastore if need be; run again, change what is given."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("datastore", metavar="DATASTORE", help="name of the datastore")
        parser.add_argument("name", metavar="NAME", help="name of the version, e.g. 10.11")
        parser.add_argument("engine", metavar="ENGINE", help="the engine that operates it, e.g. mariadb")
        parser.add_argument(
            "--version-number", metavar="NUMBER", help="number of the release (default: NAME)"
        )
        image = parser.add_mutually_exclusive_group()
        image.add_argument("--image-id", metavar="ID", help="image of the server")
        image.add_argument(
            "--image-tags", metavar="TAG,TAG", type=comma_separated, help="the image is found by these tags"
        )
        activity = parser.add_mutually_exclusive_group()
        activity.add_argument("--active", action="store_true", default=None, help="offer it (the default)")
        activity.add_argument("--inactive", action="store_false", dest="active", help="do not offer it")
        parser.add_argument("--default", action="store_true", help="make it the default of its datastore")

    def handle(self, *args: Any, **options: Any) -> None:
        given = {name: options[name] for name in ("image_id", "image_tags", "active")}
        with told_to_the_user():
            version, created = services.datastore_version_ensure(
                datastore=options["datastore"],
                name=options["name"],
                engine=options["engine"],
                version=options["version_number"],
                default=options["default"],
                **{name: value for name, value in given.items() if value is not None},
            )
        self.stdout.write(f"{version}: {'created' if created else 'was there; set as given'} ({version.id}).")
