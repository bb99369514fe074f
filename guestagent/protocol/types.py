"""Values that commands, reports and results are made of."""

import enum
from typing import Any

import msgspec

from guestagent.protocol.secret import Secret


class DatastoreStatus(enum.StrEnum):
    """What the guest says the database server is (contract, section 2.1)."""

    NEW = "new"  # the guest has not reported yet
    BUILDING = "building"  # prepare is under way
    RUNNING = "running"  # the process is there, a query was not tried
    HEALTHY = "healthy"  # a query was answered
    BLOCKED = "blocked"  # the process is there and does not answer
    SHUTDOWN = "shutdown"  # stopped on request
    CRASHED = "crashed"  # it should run and does not
    RESTARTING = "restarting"
    RESTART_REQUIRED = "restart_required"
    FAILED = "failed"  # prepare failed
    UNKNOWN = "unknown"


class DatabaseSpec(msgspec.Struct, frozen=True, kw_only=True):
    """A database to create. `character_set` and `collate` are the engine's default when absent."""

    name: str
    character_set: str | None = None
    collate: str | None = None


class UserSpec(msgspec.Struct, frozen=True, kw_only=True):
    """A user to create, with ALL privileges on each of `databases`. PostgreSQL ignores `host`."""

    name: str
    password: Secret
    host: str = "%"
    databases: tuple[str, ...] = ()


class UserRef(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    host: str = "%"


class UserInfo(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    host: str = "%"
    databases: tuple[str, ...] = ()


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """Result of a list command: items in name order; `next_marker` is None on the last page."""

    items: tuple[Any, ...]
    next_marker: str | None = None
