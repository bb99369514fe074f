"""Changes of projects, users, roles and application credentials."""

import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth import hashers
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from dbaas.accounts.models import ApplicationCredential, Project, Role, RoleAssignment, User
from dbaas.accounts.tokens import assigned_roles
from dbaas.common.errors import BadRequest, Conflict, Forbidden
from guestagent.protocol.secret import Secret


def project_ensure(*, name: str, description: str = "") -> tuple[Project, bool]:
    """The project of this name, and whether it was made now."""
    _check_name(name, most=64)
    with transaction.atomic():
        return Project.objects.get_or_create(name=name, defaults={"description": description})


def user_ensure(
    *, name: str, password: Secret | None, project: Project | None = None, staff: bool = False
) -> tuple[User, bool]:
    """The user of this name, and whether it was made now. One that is there keeps its password.

    `password` None makes an account that only a later password opens. `staff` opens the whole Django admin;
    False takes nothing away. Raises BadRequest for a password that is too weak.
    """
    _check_name(name, most=255)
    with transaction.atomic():
        user = User.objects.filter(name=name).first()
        if user is None:
            user = User(name=name, default_project=project, is_staff=staff, is_superuser=staff)
            _set_password(user, password)
            try:
                with transaction.atomic():
                    user.save(force_insert=True)
            except IntegrityError:  # somebody else made it just now
                return User.objects.get(name=name), False
            return user, True
        if staff:
            User.objects.filter(pk=user.pk).update(is_staff=True, is_superuser=True)
        return user, False


def user_set_password(*, user: User, password: Secret) -> None:
    """A new password; tokens made before stop working. Raises BadRequest when it is too weak."""
    _set_password(user, password)
    user.save(update_fields=["password", "login_epoch"])


def _set_password(user: User, password: Secret | None) -> None:
    if password is not None:
        try:
            validate_password(password.reveal(), user)
        except ValidationError as error:
            raise BadRequest(" ".join(error.messages)) from error
    user.set_password(password.reveal() if password is not None else None)


def role_ensure(*, user: User, project: Project, role: str) -> bool:
    """Give a role. Returns whether it is new to the user. Raises BadRequest for an unknown one."""
    if role not in Role.values:
        raise BadRequest(f"The role {role} does not exist; there are {', '.join(Role.values)}.")
    with transaction.atomic():
        return RoleAssignment.objects.get_or_create(user=user, project=project, role=role)[1]


@dataclass(frozen=True, slots=True)
class NewCredential:
    """An application credential and its secret, which nobody can show again."""

    row: ApplicationCredential
    secret: Secret


def application_credential_create(
    *,
    user: User,
    project: Project,
    name: str,
    description: str = "",
    roles: Collection[str] = (),
    secret: Secret | None = None,
    expires_at: datetime | None = None,
    unrestricted: bool = False,
) -> NewCredential:
    """A credential with some of the user's roles (all when none are named), and a secret made unless given.

    Raises Forbidden for roles the user does not have, Conflict for a name that is taken, BadRequest for an
    expiry in the past.
    """
    _check_name(name, most=255)
    own = assigned_roles(user, project)
    if not own or not own.issuperset(roles):
        raise Forbidden("An application credential can only have roles that its user has on the project.")
    if expires_at is not None and expires_at <= timezone.now():
        raise BadRequest("expires_at is in the past.")
    secret = secret or Secret(secrets.token_urlsafe(48))
    try:
        with transaction.atomic():
            row = ApplicationCredential.objects.create(
                user=user,
                project=project,
                name=name,
                description=description[:255],
                roles=sorted(roles or own),
                secret_hash=hashers.make_password(secret.reveal()),
                expires_at=expires_at,
                unrestricted=unrestricted,
            )
    except IntegrityError as error:
        raise Conflict(f"There is an application credential {name} already.") from error
    return NewCredential(row, secret)


def _check_name(name: str, *, most: int) -> None:
    if not name.strip() or name != name.strip() or len(name) > most:
        raise BadRequest(f"A name must have 1 to {most} characters and no blanks around it.")
