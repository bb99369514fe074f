"""What an engine is: a spec of facts, and a manager with the verbs the agent needs."""

import abc
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from guestagent.engines.names import check_host
from guestagent.errors import InvalidName
from guestagent.protocol.guest_config import GuestConfig
from guestagent.protocol.secret import Secret
from guestagent.protocol.types import (
    ConfigurationApplied,
    DatabaseSpec,
    DatastoreStatus,
    Page,
    UserInfo,
    UserRef,
    UserSpec,
)
from guestagent.runtimes.base import Runtime


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineSpec:
    """Facts about an engine that the control plane may read (`guestagent.engines.<name>.spec.SPEC`)."""

    name: str
    family: str  # engines of one family speak the same SQL: "mysql" or "postgresql"
    tcp_ports: tuple[int, ...]  # the first one is where clients connect
    server_program: str
    announces: re.Pattern[str]  # what `server_program --version` says when it is this product
    version_parts: int  # how much of the version is a release series: 2 for 10.11.6, 1 for 15.4
    reserved_users: frozenset[str]
    reserved_databases: frozenset[str]
    user_name: re.Pattern[str]  # what a user may be called
    database_name: re.Pattern[str]
    max_user_name_length: int
    max_database_name_length: int
    names_are_counted_in_bytes: bool
    users_have_hosts: bool
    root_user: str  # the superuser name that "root enable" hands out
    #: Settings that follow from a flavor's memory (MB), before users override them.
    sized: Callable[[int], Mapping[str, Any]]
    reserved_user_prefixes: tuple[str, ...] = ()
    capabilities: frozenset[str] = frozenset({"users", "databases", "root", "configuration"})

    def check_database_name(self, name: str) -> None:
        """Raises InvalidName for a name that a new database must not have."""
        self._check("database", name, self.database_name, self.max_database_name_length)
        self.refuse_reserved_database(name)

    def check_user(self, user: UserRef) -> None:
        """Raises InvalidName for a name or a host that a new user must not have."""
        self._check("user", user.name, self.user_name, self.max_user_name_length)
        self.refuse_reserved_user(user.name)
        if self.users_have_hosts:
            check_host(user.host)

    def is_reserved_user(self, name: str) -> bool:
        """Users of the system: hidden from lists, untouchable for commands."""
        return name.lower() in self.reserved_users or name.lower().startswith(self.reserved_user_prefixes)

    def is_reserved_database(self, name: str) -> bool:
        return name.lower() in self.reserved_databases

    def refuse_reserved_user(self, name: str) -> None:
        """Raises InvalidName."""
        if self.is_reserved_user(name):
            raise InvalidName(f"The user name {name!r} is reserved.")

    def refuse_reserved_database(self, name: str) -> None:
        """Raises InvalidName."""
        if self.is_reserved_database(name):
            raise InvalidName(f"The database name {name!r} is reserved.")

    def series_of(self, version: str) -> str:
        """The release series of a full version: what a datastore version is called."""
        return ".".join(version.split(".")[: self.version_parts])

    def _check(self, what: str, name: str, pattern: re.Pattern[str], max_length: int) -> None:
        length = len(name.encode()) if self.names_are_counted_in_bytes else len(name)
        if not name:
            raise InvalidName(f"A {what} name must not be empty.")
        if length > max_length:
            raise InvalidName(f"The {what} name {name[:80]!r} is longer than {max_length} characters.")
        if not pattern.fullmatch(name):
            raise InvalidName(f"The {what} name {name!r} has characters that it must not have.")


@dataclass(frozen=True, slots=True)
class Probe:
    """What a look at the server gave: its status, and its version when it answered."""

    status: DatastoreStatus
    version: str | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A setting of the server that users may change. Bounds are in the server's own unit."""

    name: str
    type: str  # boolean, integer, float or string
    restart_required: bool
    minimum: int | float | None = None
    maximum: int | float | None = None
    choices: tuple[str, ...] = ()
    default: str | None = None
    description: str = ""


class EngineManager(abc.ABC):
    """Operates one database server through a runtime. All methods raise `GuestError` with a code.

    *Idempotent, may take minutes*: `prepare`, `start`, `stop`, `restart`.
    *Never raises, bounded to about two seconds*: `probe`.
    *Need a running server*: everything on databases, users, access and root. Repeating a change that is
    already made is success, so that a command delivered twice does no harm.
    """

    def __init__(self, config: GuestConfig, runtime: Runtime) -> None:
        self.config = config
        self.runtime = runtime

    # idempotent, may take minutes
    @abc.abstractmethod
    def prepare(self, overrides: Mapping[str, Any]) -> None:
        """Initialise, secure, configure and start; safe to repeat at any point of a half-done one."""

    @abc.abstractmethod
    def is_prepared(self) -> bool: ...

    @abc.abstractmethod
    def start(self) -> None:
        """Start and wait until a query is answered (bounded)."""

    @abc.abstractmethod
    def stop(self, timeout_seconds: float) -> None: ...

    def restart(self, timeout_seconds: float) -> None:
        self.stop(timeout_seconds)
        self.start()

    # never raises
    @abc.abstractmethod
    def probe(self) -> Probe: ...

    # configuration
    @abc.abstractmethod
    def apply_configuration(self, overrides: Mapping[str, Any]) -> ConfigurationApplied:
        """Make `overrides` the only ones: at once what a running server can take, the rest at its next start.

        What was taken is read back. When the server refuses a value, nothing is changed and
        ConfigurationRefused is raised. A server that does not start with new overrides starts with those
        before.
        """

    # another size, another version
    @abc.abstractmethod
    def resize(self, memory_mb: int, vcpus: int) -> None:
        """Restart with settings for this size, kept for later starts."""

    @abc.abstractmethod
    def upgrade(self, version: str) -> None:
        """Take server and data to `version`; when that fails, everything is as before and runs."""

    @abc.abstractmethod
    def settle_upgrade(self) -> None:
        """Remove what the way back needs; there may be none."""

    @abc.abstractmethod
    def revert_upgrade(self) -> None:
        """Go back to what was before an upgrade that is not settled; there may be none."""

    # databases, users, access, root
    @abc.abstractmethod
    def create_databases(self, databases: Sequence[DatabaseSpec]) -> None: ...

    @abc.abstractmethod
    def delete_database(self, name: str) -> None: ...

    @abc.abstractmethod
    def list_databases(self, limit: int | None, marker: str | None, include_marker: bool) -> Page: ...

    @abc.abstractmethod
    def create_users(self, users: Sequence[UserSpec]) -> None: ...

    @abc.abstractmethod
    def delete_user(self, user: UserRef) -> None: ...

    @abc.abstractmethod
    def get_user(self, user: UserRef) -> UserInfo: ...

    @abc.abstractmethod
    def list_users(self, limit: int | None, marker: str | None, include_marker: bool) -> Page: ...

    @abc.abstractmethod
    def update_user(
        self, user: UserRef, *, new_name: str | None, new_password: Secret | None, new_host: str | None
    ) -> None: ...

    @abc.abstractmethod
    def grant_access(self, user: UserRef, databases: Sequence[str]) -> None: ...

    @abc.abstractmethod
    def revoke_access(self, user: UserRef, database: str) -> None: ...

    @abc.abstractmethod
    def enable_root(self, password: Secret) -> None: ...

    @abc.abstractmethod
    def disable_root(self) -> None: ...
