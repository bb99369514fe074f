"""Values that commands, reports and results are made of."""

import enum
from typing import Any, Final

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


class ConfigurationApplied(msgspec.Struct, frozen=True, kw_only=True):
    """Result of applying a configuration; `waiting` are the parameters that take effect at a restart only."""

    restart_required: bool
    waiting: tuple[str, ...] = ()


class Hardware(msgspec.Struct, frozen=True, kw_only=True):
    """`memory_mb` and `vcpus` are the instance's share; the machine may be one that it shares."""

    memory_mb: int
    vcpus: int
    machine_memory_mb: int
    machine_cpus: int
    load_average: tuple[float, float, float]
    uptime_seconds: float
    architecture: str
    kernel: str


class ProcessVitals(msgspec.Struct, frozen=True, kw_only=True):
    """One process, as the kernel counts it. `open_files` is None where that may not be seen."""

    pid: int
    threads: int
    fd_size: int
    open_files: int | None
    vm_size_kb: int
    vm_peak_kb: int
    vm_rss_kb: int
    vm_hwm_kb: int


class Diagnostics(msgspec.Struct, frozen=True, kw_only=True):
    """The agent and the database server; `server` is None when it does not run."""

    agent_version: str
    engine_version: str | None
    agent: ProcessVitals | None
    server: ProcessVitals | None


#: Types of modules that guests know.
MODULE_TYPES: Final = ("ping",)


class ModuleSpec(msgspec.Struct, frozen=True, kw_only=True):
    """A module to apply; `id` is a UUID."""

    id: str
    type: str
    contents: Secret


class ModuleResult(msgspec.Struct, frozen=True, kw_only=True):
    """How applying a module went; `error` is None when it went well."""

    id: str
    message: str = ""
    error: str | None = None


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """Result of a list command: items in name order; `next_marker` is None on the last page."""

    items: tuple[Any, ...]
    next_marker: str | None = None
