"""The manager that MariaDB and MySQL share; what differs is in their `Dialect`."""

import re
import secrets
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

from guestagent.engines.base import Parameter
from guestagent.engines.mysql_family import metadata, settings, template
from guestagent.engines.mysql_family.accounts import Accounts
from guestagent.engines.mysql_family.dialect import Dialect
from guestagent.engines.mysql_family.sql import ADMIN, QUERY_TIMEOUT_SECONDS, connect
from guestagent.engines.mysql_family.variables import Variables
from guestagent.engines.paging import page_of_databases, page_of_users
from guestagent.engines.passwords import check_password
from guestagent.engines.server import ServerManager
from guestagent.errors import EngineFailed, UserExists, UserNotFound
from guestagent.protocol.secret import Secret
from guestagent.protocol.types import DatabaseSpec, Page, UserInfo, UserRef, UserSpec
from guestagent.runtimes.base import Program, ServerProgram
from guestagent.system.files import write_atomically

#: It looks at every table.
UPGRADE_TIMEOUT_SECONDS = 1200.0
_VERSION = re.compile(r"\d+(\.\d+)+")


class FamilyManager(ServerManager):
    dialect: ClassVar[Dialect]

    # the server

    @classmethod
    def warm_template(cls, templates: Path, server: Program) -> Path:
        return template.ensure(templates, cls.dialect, server, cls.spec.name)

    def _initialise(self, server: Program) -> None:
        templates = Path(self.config.template_path) if self.config.template_path else None
        template.fill(self.layout.staging, self.dialect, server, self.spec.name, templates)
        self.runtime.give_to_database_user(self.layout.staging)

    def _configure(self, overrides: Mapping[str, Any]) -> None:
        port = self.spec.tcp_ports[0]
        text = settings.render(self.config, self.layout, self.dialect.settings, overrides, port)
        self.runtime.write_file(self.layout.config / "my.cnf", text)
        self.runtime.write_file(self.layout.config / "init.sql", self._init_sql())

    @property
    def _fixed_settings(self) -> Mapping[str, Any]:
        return settings.fixed(self.config, self.layout, self.spec.tcp_ports[0])

    def _apply_live(self, changed: Collection[str], wanted: Mapping[str, Any]) -> set[str]:
        defaults = {**self.spec.sized(self.config.memory_mb), **self.dialect.settings}
        with connect(self._socket, self._admin_password()) as session:
            variables = Variables(session)
            return {
                name
                for name in sorted(changed)
                if not variables.change(name, wanted.get(name, defaults.get(name)))
            }

    def parameters(self) -> list[Parameter]:
        with connect(self._socket, self._admin_password()) as session:
            return list(metadata.parameters(session, self._fixed_settings))

    def _init_sql(self) -> str:
        """Run by the server before it listens: at no moment can anybody else be the administrator.

        Not written to the binary log, or replicas would diverge. The hash holds no quote.
        """
        hashed = self.dialect.identified_by % f"'{self.dialect.hash_password(self._admin_password())}'"
        account = f"'{ADMIN}'@'localhost'"
        return (
            "SET SESSION sql_log_bin = 0;\n"
            f"CREATE USER IF NOT EXISTS {account} {hashed};\n"
            f"ALTER USER {account} {hashed} ACCOUNT UNLOCK;\n"
            f"GRANT ALL PRIVILEGES ON *.* TO {account} WITH GRANT OPTION;\n"
        )

    def _admin_password(self) -> Secret:
        """Made once. The server gets only its hash, and the account can't be reached over the network."""
        path = self.layout.admin_password
        if not path.exists():
            write_atomically(path, secrets.token_urlsafe(32))
        return Secret(path.read_text())

    def _command(self, server: Program) -> ServerProgram:
        argv = (str(server.path), f"--defaults-file={self.layout.config / 'my.cnf'}")
        return ServerProgram(argv=argv, log_file=self.layout.log)

    _closed_arguments = ("--skip-networking",)

    def complete_upgrade(self, new: Program) -> None:
        if self.dialect.upgrade_tool is None:
            return
        tool = self.runtime.find_tool(new, self.dialect.upgrade_tool)
        if tool is None:
            raise EngineFailed(f"{self.dialect.upgrade_tool} is not installed.", code="engine_not_installed")
        # In a file that is the database user's alone: command lines can be read by everybody.
        secret = self.layout.config / "upgrade.cnf"
        password = self._admin_password().reveal()
        text = f"[client]\nuser={ADMIN}\npassword={password}\nsocket={self._socket}\n"
        self.runtime.write_file(secret, text)
        try:
            command = [str(tool), f"--defaults-file={secret}"]
            result = self.runtime.run_tool(command, timeout_seconds=UPGRADE_TIMEOUT_SECONDS)
        finally:
            secret.unlink(missing_ok=True)
        if result.exit_code != 0:
            last = result.stderr.decode(errors="replace").strip().splitlines()[-1:]
            raise EngineFailed(f"{tool.name} ended with {result.exit_code}: {''.join(last)[:300]}")

    @property
    def _socket(self) -> Path:
        return settings.socket_of(self.layout)

    def _ask_version(self, timeout_seconds: float) -> str:
        with connect(self._socket, self._admin_password(), timeout_seconds=timeout_seconds) as session:
            version = str(session.rows("SELECT VERSION()")[0][0])
        match = _VERSION.match(version)
        return match.group() if match else version

    @contextmanager
    def _accounts(self, timeout_seconds: float = QUERY_TIMEOUT_SECONDS) -> Iterator[Accounts]:
        with connect(self._socket, self._admin_password(), timeout_seconds=timeout_seconds) as session:
            yield Accounts(session, self.dialect)

    # databases

    def create_databases(self, databases: Sequence[DatabaseSpec]) -> None:
        for database in databases:
            self.spec.check_database_name(database.name)
        with self._accounts() as accounts:
            for database in databases:
                accounts.create_database(database)

    def delete_database(self, name: str) -> None:
        self.spec.refuse_reserved_database(name)
        with self._accounts() as accounts:
            accounts.drop_database(name)

    def list_databases(self, limit: int | None, marker: str | None, include_marker: bool) -> Page:
        with self._accounts() as accounts:
            names = [name for name in accounts.databases() if not self.spec.is_reserved_database(name)]
        return page_of_databases(names, limit, marker, include_marker)

    # users

    def create_users(self, users: Sequence[UserSpec]) -> None:
        for user in users:
            self.spec.check_user(_ref(user))
            check_password(user.password)
        with self._accounts() as accounts:
            accounts.require_databases(name for user in users for name in user.databases)
            there = [user for user in users if self._is_there(accounts, user)]
            for user in users:
                if user not in there:
                    accounts.create(_ref(user), user.password)
                accounts.grant_all(_ref(user), user.databases)

    def _is_there(self, accounts: Accounts, user: UserSpec) -> bool:
        """True for the same user with the same password: asked for twice. Raises UserExists for another's."""
        stored = accounts.stored_password(_ref(user))
        if stored is None:
            return False
        if not self.dialect.is_password(stored, user.password):
            raise UserExists(f"There is a user {user.name!r}@{user.host!r} already.")
        return True

    def delete_user(self, user: UserRef) -> None:
        self.spec.refuse_reserved_user(user.name)
        with self._accounts() as accounts:
            accounts.drop(user)
            if not accounts.hosts_of(user.name):
                accounts.end_connections(user.name)

    def get_user(self, user: UserRef) -> UserInfo:
        for info in self._visible_users():
            if (info.name, info.host) == (user.name, user.host):
                return info
        raise _not_found(user)

    def list_users(self, limit: int | None, marker: str | None, include_marker: bool) -> Page:
        return page_of_users(self._visible_users(), limit, marker, include_marker)

    def _visible_users(self) -> list[UserInfo]:
        with self._accounts() as accounts:
            return [user for user in accounts.all() if not self.spec.is_reserved_user(user.name)]

    def update_user(
        self, user: UserRef, *, new_name: str | None, new_password: Secret | None, new_host: str | None
    ) -> None:
        self.spec.refuse_reserved_user(user.name)
        new = UserRef(name=new_name or user.name, host=new_host or user.host)
        if new != user:
            self.spec.check_user(new)
        if new_password is not None:
            check_password(new_password)
        with self._accounts() as accounts:
            if self._is_updated(accounts, user, new, new_password):
                return
            if new != user and accounts.has(new):
                raise UserExists(f"There is a user {new.name!r}@{new.host!r} already.")
            # The name goes last: until then a repetition finds the user under the name it knows.
            if new_password is not None:
                accounts.set_password(user, new_password)
            if new != user:
                accounts.rename(user, new)

    def _is_updated(self, accounts: Accounts, user: UserRef, new: UserRef, password: Secret | None) -> bool:
        """True when an earlier delivery has done it all. Raises UserNotFound when there is none to update."""
        if accounts.has(user):
            return False
        stored = accounts.stored_password(new)
        if stored is None or (password is not None and not self.dialect.is_password(stored, password)):
            raise _not_found(user)
        return True

    # access

    def grant_access(self, user: UserRef, databases: Sequence[str]) -> None:
        self.spec.refuse_reserved_user(user.name)
        for name in databases:
            self.spec.refuse_reserved_database(name)
        with self._accounts() as accounts:
            self._require_user(accounts, user)
            accounts.require_databases(databases)
            accounts.grant_all(user, databases)

    def revoke_access(self, user: UserRef, database: str) -> None:
        self.spec.refuse_reserved_user(user.name)
        with self._accounts() as accounts:
            self._require_user(accounts, user)
            if accounts.has_grant(user, database):
                accounts.revoke(user, database)

    # root

    def enable_root(self, password: Secret) -> None:
        check_password(password)
        with self._accounts() as accounts:
            accounts.enable_superuser(self.spec.root_user, password)

    def disable_root(self) -> None:
        with self._accounts() as accounts:
            for host in accounts.hosts_of(self.spec.root_user):
                user = UserRef(name=self.spec.root_user, host=host)
                accounts.lock(user, Secret(secrets.token_urlsafe(32)))
            accounts.end_connections(self.spec.root_user)

    def _require_user(self, accounts: Accounts, user: UserRef) -> None:
        if not accounts.has(user):
            raise _not_found(user)


def _ref(user: UserSpec) -> UserRef:
    return UserRef(name=user.name, host=user.host)


def _not_found(user: UserRef) -> UserNotFound:
    return UserNotFound(f"There is no user {user.name!r}@{user.host!r}.")
