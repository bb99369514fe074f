"""Keystone v3's request bodies, read strictly where they decide something and leniently elsewhere."""

from datetime import UTC, datetime
from typing import Any, TypeVar

import msgspec

from dbaas.common.errors import BadRequest
from guestagent.protocol.secret import Secret

DOMAIN = {"id": "default", "name": "Default"}
T = TypeVar("T")


class Domain(msgspec.Struct):
    id: str | None = None
    name: str | None = None

    @property
    def is_ours(self) -> bool:
        """There is one domain; Keystone compares names without case."""
        return self.id == DOMAIN["id"] if self.id else (self.name or "").casefold() == "default"


class NamedUser(msgspec.Struct):
    id: str | None = None
    name: str | None = None
    domain: Domain | None = None


class PasswordUser(NamedUser):
    password: Secret = msgspec.field(default_factory=lambda: Secret(""))


class PasswordMethod(msgspec.Struct):
    user: PasswordUser


class TokenMethod(msgspec.Struct):
    id: Secret


class ApplicationCredentialMethod(msgspec.Struct):
    secret: Secret
    id: str | None = None
    name: str | None = None
    user: NamedUser | None = None


class Identity(msgspec.Struct):
    methods: list[str]
    password: PasswordMethod | None = None
    token: TokenMethod | None = None
    application_credential: ApplicationCredentialMethod | None = None


class NamedProject(msgspec.Struct):
    id: str | None = None
    name: str | None = None
    domain: Domain | None = None


class Scope(msgspec.Struct):
    project: NamedProject | None = None
    unscoped: dict[str, Any] | None = None
    domain: dict[str, Any] | None = None
    system: dict[str, Any] | None = None


class Auth(msgspec.Struct):
    identity: Identity
    scope: Scope | str | None = None


class AuthRequest(msgspec.Struct):
    auth: Auth


class RoleRef(msgspec.Struct):
    id: str | None = None
    name: str | None = None


class CredentialFields(msgspec.Struct):
    name: str
    description: str | None = None
    secret: Secret | None = None
    expires_at: datetime | None = None
    roles: list[RoleRef] | None = None
    unrestricted: bool | None = None
    project_id: str | None = None
    access_rules: list[Any] | None = None


class CredentialRequest(msgspec.Struct):
    application_credential: CredentialFields


def read(body: Any, kind: type[T]) -> T:
    """The body as `kind`. Raises BadRequest saying which field is wrong, never with its value."""
    try:
        return msgspec.convert(body, kind, dec_hook=_to_secret)
    except msgspec.ValidationError as error:
        raise BadRequest(f"The request body does not fit: {error}") from error


def _to_secret(kind: type[Any], value: Any) -> Secret:
    if kind is Secret and isinstance(value, str):
        return Secret(value)
    raise TypeError("Expected a string")  # msgspec adds where


def timestamp(moment: datetime | None) -> str | None:
    """Keystone's form of a time."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ") if moment else None


def aware(moment: datetime | None) -> datetime | None:
    """Clients may leave the zone out and then mean UTC."""
    return moment.replace(tzinfo=UTC) if moment and moment.tzinfo is None else moment
