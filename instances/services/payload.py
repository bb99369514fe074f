"""How databases and users are kept in an operation: plain JSON values, passwords only in the sealed part."""

from collections.abc import Iterable
from typing import Any

from guestagent.protocol.types import DatabaseSpec, UserSpec


def database_params(databases: Iterable[DatabaseSpec]) -> list[dict[str, Any]]:
    return [
        {"name": database.name, "character_set": database.character_set, "collate": database.collate}
        for database in databases
    ]


def user_secrets(users: Iterable[UserSpec]) -> list[dict[str, Any]]:
    """For `operation_start(secrets=…)`, which seals them; the Secret inside is opened only there."""
    return [
        {"name": user.name, "host": user.host, "password": user.password, "databases": list(user.databases)}
        for user in users
    ]
