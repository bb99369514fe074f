"""Users, their grants and their databases, as a MariaDB or MySQL server keeps them."""

import re
from collections.abc import Iterable, Sequence

from guestagent.engines.mysql_family.dialect import Dialect
from guestagent.engines.mysql_family.sql import Session, escape_pattern, quote_name, quote_pattern
from guestagent.errors import DatabaseNotFound
from guestagent.protocol.secret import Secret
from guestagent.protocol.types import DatabaseSpec, UserInfo, UserRef

NO_SUCH_THREAD = 1094
_ESCAPED = re.compile(r"\\(.)")


class Accounts:
    """One session's view; every method is one or a few statements, none is more than it says."""

    def __init__(self, session: Session, dialect: Dialect) -> None:
        self._session = session
        self._dialect = dialect

    def stored_password(self, user: UserRef) -> str | None:
        """What the server keeps of the password; None when there is no such account."""
        for name, host, stored in self._session.rows(self._dialect.accounts):
            if (name, host) == (user.name, user.host):
                return str(stored or "")
        return None

    def has(self, user: UserRef) -> bool:
        return self.stored_password(user) is not None

    def hosts_of(self, name: str) -> list[str]:
        return [host for user, host, _ in self._session.rows(self._dialect.accounts) if user == name]

    def all(self) -> list[UserInfo]:
        granted: dict[tuple[str, str], set[str]] = {}
        for name, host, pattern in self._session.rows("SELECT User, Host, Db FROM mysql.db"):
            granted.setdefault((name, host), set()).add(_ESCAPED.sub(r"\1", pattern))
        accounts = self._session.rows(self._dialect.accounts)
        return [
            UserInfo(name=name, host=host, databases=tuple(sorted(granted.get((name, host), ()))))
            for name, host, _ in accounts
        ]

    def create(self, user: UserRef, password: Secret) -> None:
        statement = f"CREATE USER %s@%s {self._dialect.identified_by}"
        self._session.execute(statement, user.name, user.host, self._dialect.hash_password(password))

    def set_password(self, user: UserRef, password: Secret) -> None:
        statement = f"ALTER USER %s@%s {self._dialect.identified_by}"
        self._session.execute(statement, user.name, user.host, self._dialect.hash_password(password))

    def rename(self, user: UserRef, new: UserRef) -> None:
        """Grants move along."""
        self._session.execute("RENAME USER %s@%s TO %s@%s", user.name, user.host, new.name, new.host)

    def drop(self, user: UserRef) -> None:
        self._session.execute("DROP USER IF EXISTS %s@%s", user.name, user.host)

    def end_connections(self, name: str) -> None:
        """Those of a user that no longer may log in from anywhere."""
        rows = self._session.rows("SELECT ID FROM information_schema.PROCESSLIST WHERE USER = %s", name)
        for (connection,) in rows:
            self._session.execute_unless(NO_SUCH_THREAD, "KILL %s", int(connection))

    def grant(self, user: UserRef, database: str) -> None:
        self._session.execute(
            f"GRANT ALL PRIVILEGES ON {quote_pattern(database)}.* TO %s@%s", user.name, user.host
        )

    def revoke(self, user: UserRef, database: str) -> None:
        self._session.execute(
            f"REVOKE ALL PRIVILEGES ON {quote_pattern(database)}.* FROM %s@%s", user.name, user.host
        )

    def has_grant(self, user: UserRef, database: str) -> bool:
        return user in self.grantees(database)

    def grantees(self, database: str) -> list[UserRef]:
        rows = self._session.rows("SELECT User, Host FROM mysql.db WHERE Db = %s", escape_pattern(database))
        return [UserRef(name=name, host=host) for name, host in rows]

    def databases(self) -> list[str]:
        return [name for (name,) in self._session.rows("SELECT SCHEMA_NAME FROM information_schema.SCHEMATA")]

    def require_databases(self, names: Iterable[str]) -> None:
        missing = sorted(set(names) - set(self.databases()))
        if missing:
            raise DatabaseNotFound(f"There is no database {missing[0]!r}.")

    def create_database(self, database: DatabaseSpec) -> None:
        statement, values = f"CREATE DATABASE IF NOT EXISTS {quote_name(database.name)}", list[str]()
        if database.character_set is not None:
            statement += " CHARACTER SET %s"
            values.append(database.character_set)
        if database.collate is not None:
            statement += " COLLATE %s"
            values.append(database.collate)
        self._session.execute(statement, *values)

    def drop_database(self, name: str) -> None:
        """With the grants on it: a later database of the same name is somebody else's."""
        self._session.execute(f"DROP DATABASE IF EXISTS {quote_name(name)}")
        for user in self.grantees(name):
            self.revoke(user, name)

    def grant_all(self, user: UserRef, databases: Sequence[str]) -> None:
        for database in databases:
            self.grant(user, database)

    def enable_superuser(self, name: str, password: Secret) -> None:
        """From anywhere, with everything; an account left from before is opened again."""
        hashed = self._dialect.hash_password(password)
        identified = self._dialect.identified_by
        self._session.execute(f"CREATE USER IF NOT EXISTS %s@'%%' {identified}", name, hashed)
        self._session.execute(f"ALTER USER %s@'%%' {identified} ACCOUNT UNLOCK", name, hashed)
        self._session.execute("GRANT ALL PRIVILEGES ON *.* TO %s@'%%' WITH GRANT OPTION", name)

    def lock(self, user: UserRef, password: Secret) -> None:
        """The account stays, for it may be the definer of views and routines; nobody can log in to it."""
        statement = f"ALTER USER %s@%s {self._dialect.identified_by} ACCOUNT LOCK"
        self._session.execute(statement, user.name, user.host, self._dialect.hash_password(password))
