"""Create a user of the built-in identity and give it a role."""

import secrets
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from dbaas.accounts import services
from dbaas.accounts.models import Project, Role, User
from dbaas.common.errors import BadRequest, DbaasError
from guestagent.protocol.secret import Secret


class Command(BaseCommand):
    help = (
        "Create a user, give it a role on a project, and print its id. Without --password-file a password is "
        "made and printed once. A user that is there keeps its password unless --reset-password is given."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name")
        parser.add_argument("--project", help="Name or id of a project that is there.")
        parser.add_argument(
            "--role", action="append", choices=Role.values, help="May be given several times."
        )
        parser.add_argument("--password-file", type=Path, help="A file whose first line is the password.")
        parser.add_argument("--reset-password", action="store_true", help="Set the password in any case.")
        parser.add_argument("--staff", action="store_true", help="The user may use the Django admin.")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with transaction.atomic():
                user, generated = self._ensure(options)
        except DbaasError as error:
            raise CommandError(error.message) from error
        self.stdout.write(user.id)
        if generated:
            self.stdout.write(f"password: {generated.reveal()}")

    def _ensure(self, options: dict[str, Any]) -> tuple[User, Secret | None]:
        project = _find_project(options["project"]) if options["project"] else None
        given = _read_password(options["password_file"]) if options["password_file"] else None
        password = given or Secret(secrets.token_urlsafe(18))
        user, created = services.user_ensure(
            name=options["name"], password=password, project=project, staff=options["staff"]
        )
        if options["reset_password"] and not created:
            services.user_set_password(user=user, password=password)
        if project:
            for role in options["role"] or [Role.MEMBER]:
                services.role_ensure(user=user, project=project, role=role)
        was_set = created or options["reset_password"]
        return user, password if was_set and not given else None


def _find_project(key: str) -> Project:
    project = Project.objects.filter(name=key).first() or Project.objects.filter(id=key).first()
    if project is None:
        raise BadRequest(f"There is no project {key}; make it with create_project.")
    return project


def _read_password(path: Path) -> Secret:
    try:
        lines = path.read_text().splitlines()
    except OSError as error:
        raise BadRequest(f"Cannot read {path}: {error.strerror}") from error
    if not lines or not lines[0]:
        raise BadRequest(f"{path} is empty.")
    return Secret(lines[0])
