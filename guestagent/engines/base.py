"""What an engine is: a spec of facts, and a manager with the verbs the agent needs."""

import abc
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from guestagent.protocol.guest_config import GuestConfig
from guestagent.protocol.secret import Secret
from guestagent.protocol.types import DatabaseSpec, DatastoreStatus, Page, UserInfo, UserRef, UserSpec
from guestagent.runtimes.base import Runtime


@dataclass(frozen=True, slots=True)
class EngineSpec:
    """Facts about an engine that the control plane may read (`guestagent.engines.<name>.spec.SPEC`)."""

    name: str
    family: str  # engines of one family speak the same SQL: "mysql" or "postgresql"
    tcp_ports: tuple[int, ...]  # the first one is where clients connect
    reserved_users: frozenset[str]
    reserved_databases: frozenset[str]
    max_user_name_length: int
    max_database_name_length: int
    users_have_hosts: bool
    root_user: str  # the superuser name that "root enable" hands out
    #: Major.minor versions whose programs are on this host, best first, found by looking.
    capabilities: frozenset[str] = frozenset({"users", "databases", "root", "configuration"})


@dataclass(frozen=True, slots=True)
class Probe:
    """What a look at the server gave: its status, and its version when it answered."""

    status: DatastoreStatus
    version: str | None = None
    detail: str = ""


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

    # never raises
    @abc.abstractmethod
    def probe(self) -> Probe: ...

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
