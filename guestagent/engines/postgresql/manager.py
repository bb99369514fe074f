"""Operates a PostgreSQL server."""

import contextlib
import os
import pwd
import re
import signal
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from guestagent.engines.base import Parameter
from guestagent.engines.paging import page_of_databases, page_of_users
from guestagent.engines.passwords import check_password
from guestagent.engines.postgresql import metadata, reload, settings, transfer
from guestagent.engines.postgresql.accounts import Accounts, forget_role
from guestagent.engines.postgresql.passwords import is_password
from guestagent.engines.postgresql.spec import SPEC
from guestagent.engines.postgresql.sql import ADMIN, HOME, Session, connect
from guestagent.engines.server import INITIALISE_TIMEOUT_SECONDS, ServerManager
from guestagent.errors import EngineFailed, EngineTimeout, UserExists, UserNotFound
from guestagent.protocol.secret import Secret
from guestagent.protocol.types import DatabaseSpec, Page, UserInfo, UserRef, UserSpec
from guestagent.runtimes.base import Program, ServerProgram

_VERSION = re.compile(r"\d+(\.\d+)+")


class Manager(ServerManager):
    """Each server is initialised by itself: a copied one would share its system identifier, by which
    PostgreSQL and every backup tool tell clusters apart."""

    spec = SPEC
    _stop_signal = signal.SIGINT  # fast: SIGTERM would wait for clients to leave

    # the server

    def _initialise(self, server: Program) -> None:
        initdb = self.runtime.find_tool(server, "initdb")
        if initdb is None:
            raise EngineFailed("initdb is not installed.", code="engine_not_installed")
        staging = str(self.layout.staging)
        command = [
            *(
                str(initdb),
                "--pgdata",
                staging,
                "--username",
                ADMIN,
                "--auth-local=peer",
                "--auth-host=reject",
            ),
            *("--encoding=UTF8", "--locale=C.UTF-8", "--data-checksums", "--no-sync", "--no-instructions"),
        ]
        result = self.runtime.fill_directory(
            self.layout.staging, command, timeout_seconds=INITIALISE_TIMEOUT_SECONDS
        )
        if result.exit_code != 0:
            last = result.stderr.decode(errors="replace").strip().splitlines()[-1:]
            raise EngineFailed(f"initdb ended with {result.exit_code}: {''.join(last)[:300]}")

    def _configure(self, overrides: Mapping[str, Any]) -> None:
        text = settings.render(self.config, self.layout, overrides, self.spec.tcp_ports[0])
        self.runtime.write_file(self.layout.config / "postgresql.conf", text)
        self.runtime.write_file(self.layout.config / "pg_hba.conf", settings.host_rules())
        self.runtime.write_file(self.layout.config / "pg_ident.conf", settings.user_map(_own_name()))

    @property
    def _fixed_settings(self) -> Mapping[str, Any]:
        return settings.fixed(self.config, self.layout, self.spec.tcp_ports[0])

    def _apply_live(self, changed: Collection[str], wanted: Mapping[str, Any]) -> set[str]:
        return reload.apply(self._run, wanted)

    def parameters(self) -> list[Parameter]:
        with connect(self._run) as session:
            return list(metadata.parameters(session, self._fixed_settings))

    def _command(self, server: Program) -> ServerProgram:
        # -D tells nothing new to the server, but whose process it is to who lists processes.
        config = f"config_file={self.layout.config / 'postgresql.conf'}"
        argv = (str(server.path), "-D", str(self.layout.data), "-c", config)
        return ServerProgram(argv=argv, log_file=self.layout.log, stop_signal=signal.SIGINT)

    _closed_arguments = ("-c", "listen_addresses=")

    def fill_upgraded(self, old: Program, new: Program) -> None:
        if self.spec.series_of(old.version) == self.spec.series_of(new.version):
            super().fill_upgraded(old, new)
            return
        self.transfer(old, new)

    def transfer(self, old: Program, new: Program) -> None:
        """Fill `layout.upgraded` with a new data directory that has everything of the old one."""
        self._initialise(new)
        self.layout.staging.rename(self.layout.upgraded)
        transfer.run(self.runtime, self.layout, old, new)

    def complete_upgrade(self, new: Program) -> None:
        """A transfer leaves the planner's statistics behind."""
        with self._session() as (_, accounts):
            databases = accounts.databases()
        for database in databases:
            with contextlib.suppress(EngineTimeout), connect(self._run, database) as session:
                session.execute("ANALYZE")

    def _secure(self) -> None:
        """Users are let into the databases they were given, not into the administrator's."""
        with connect(self._run) as session:
            public = session.rows("SELECT has_database_privilege('public', %s, 'CONNECT')", HOME)
            if public[0][0]:
                session.execute("REVOKE ALL ON DATABASE postgres FROM PUBLIC")
                session.execute("REVOKE ALL ON DATABASE template1 FROM PUBLIC")

    @property
    def _run(self) -> Path:
        return self.layout.run

    @property
    def _socket(self) -> Path:
        return self._run / f".s.PGSQL.{self.spec.tcp_ports[0]}"

    def _ask_version(self, timeout_seconds: float) -> str:
        with connect(self._run, timeout_seconds=timeout_seconds) as session:
            version = str(session.rows("SHOW server_version")[0][0])
        match = _VERSION.match(version)
        return match.group() if match else version

    @contextmanager
    def _session(self) -> Iterator[tuple[Session, Accounts]]:
        with connect(self._run) as session:
            yield session, Accounts(session)

    # databases

    def create_databases(self, databases: Sequence[DatabaseSpec]) -> None:
        for database in databases:
            self.spec.check_database_name(database.name)
        with self._session() as (_, accounts):
            for database in databases:
                accounts.create_database(database)

    def delete_database(self, name: str) -> None:
        self.spec.refuse_reserved_database(name)
        with self._session() as (_, accounts):
            accounts.drop_database(name)
            for owner in accounts.orphaned_owners():
                self._drop_role(accounts, owner)

    def list_databases(self, limit: int | None, marker: str | None, include_marker: bool) -> Page:
        with self._session() as (_, accounts):
            names = [name for name in accounts.databases() if not self.spec.is_reserved_database(name)]
        return page_of_databases(names, limit, marker, include_marker)

    # users

    def create_users(self, users: Sequence[UserSpec]) -> None:
        for user in users:
            self.spec.check_user(UserRef(name=user.name))
            check_password(user.password)
        with self._session() as (session, accounts):
            accounts.require_databases(name for user in users for name in user.databases)
            there = [user for user in users if self._is_there(accounts, user)]
            for user in users:
                if user not in there:
                    accounts.create(user.name, session.password_verifier(user.password.reveal()))
                accounts.grant_all(user.name, user.databases)

    def _is_there(self, accounts: Accounts, user: UserSpec) -> bool:
        """True for the same user with the same password: asked for twice. Raises UserExists for another's."""
        stored = accounts.stored_password(user.name)
        if stored is None:
            return False
        if not is_password(stored, user.password):
            raise UserExists(f"There is a user {user.name!r} already.")
        return True

    def delete_user(self, user: UserRef) -> None:
        self.spec.refuse_reserved_user(user.name)
        with self._session() as (_, accounts):
            self._drop_role(accounts, user.name)

    def _drop_role(self, accounts: Accounts, name: str) -> None:
        """A role can go when it owns nothing and has no rights in any database."""
        oid = accounts.oid_of(name)
        if oid is None:
            return
        accounts.close_role(name)
        for database in accounts.databases_holding(oid):
            with connect(self._run, database) as session:
                forget_role(session, oid)
        accounts.drop_role(name)

    def get_user(self, user: UserRef) -> UserInfo:
        for info in self._visible_users():
            if info.name == user.name:
                return info
        raise _not_found(user)

    def list_users(self, limit: int | None, marker: str | None, include_marker: bool) -> Page:
        return page_of_users(self._visible_users(), limit, marker, include_marker)

    def _visible_users(self) -> list[UserInfo]:
        with self._session() as (_, accounts):
            return [user for user in accounts.all() if not self.spec.is_reserved_user(user.name)]

    def update_user(
        self, user: UserRef, *, new_name: str | None, new_password: Secret | None, new_host: str | None
    ) -> None:
        """Hosts mean nothing here; a new one is accepted and changes nothing."""
        self.spec.refuse_reserved_user(user.name)
        new = UserRef(name=new_name or user.name)
        if new.name != user.name:
            self.spec.check_user(new)
        if new_password is not None:
            check_password(new_password)
        with self._session() as (session, accounts):
            if self._is_updated(accounts, user, new, new_password):
                return
            if new.name != user.name and accounts.has_role(new.name):
                raise UserExists(f"There is a user {new.name!r} already.")
            # The name goes last: until then a repetition finds the user under the name it knows.
            if new_password is not None:
                accounts.set_password(user.name, session.password_verifier(new_password.reveal()))
            if new.name != user.name:
                accounts.rename(user.name, new.name)

    def _is_updated(self, accounts: Accounts, user: UserRef, new: UserRef, password: Secret | None) -> bool:
        """True when an earlier delivery has done it all. Raises UserNotFound when there is none to update."""
        if accounts.has_role(user.name):
            return False
        stored = accounts.stored_password(new.name)
        if stored is None or (password is not None and not is_password(stored, password)):
            raise _not_found(user)
        return True

    # access

    def grant_access(self, user: UserRef, databases: Sequence[str]) -> None:
        self.spec.refuse_reserved_user(user.name)
        for name in databases:
            self.spec.refuse_reserved_database(name)
        with self._session() as (_, accounts):
            self._require_user(accounts, user)
            accounts.require_databases(databases)
            accounts.grant_all(user.name, databases)

    def revoke_access(self, user: UserRef, database: str) -> None:
        self.spec.refuse_reserved_user(user.name)
        with self._session() as (_, accounts):
            self._require_user(accounts, user)
            accounts.revoke(user.name, database)

    # root

    def enable_root(self, password: Secret) -> None:
        check_password(password)
        with self._session() as (session, accounts):
            accounts.enable_superuser(self.spec.root_user, session.password_verifier(password.reveal()))

    def disable_root(self) -> None:
        with self._session() as (_, accounts):
            accounts.lock_superuser(self.spec.root_user)

    def _require_user(self, accounts: Accounts, user: UserRef) -> None:
        if not accounts.has_role(user.name):
            raise _not_found(user)


def _own_name() -> str:
    """The agent's user, by which the server knows the administrator."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        raise EngineFailed("To operate PostgreSQL the agent must run as a user that has a name.") from None


def _not_found(user: UserRef) -> UserNotFound:
    return UserNotFound(f"There is no user {user.name!r}.")
