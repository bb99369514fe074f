"""Users, databases and who may reach which, as a PostgreSQL server keeps them.

Each database has an owner role of its own, ``os_owner_<oid of the database>``, that can't log in. A user
with access is a member of it and takes it on when connecting to that database, so whatever any of them
creates belongs to the database's users together: the next one can read, alter and drop it, and a user can
be deleted without losing what she made.
"""

from collections.abc import Iterable, Sequence

from psycopg.sql import SQL, Composable, Identifier, Literal

from guestagent.engines.postgresql.sql import HOME, Session
from guestagent.errors import DatabaseNotFound
from guestagent.protocol.types import DatabaseSpec, UserInfo

OWNER_PREFIX = "os_owner_"
_OWNERS = f"{OWNER_PREFIX}%".replace("_", r"\_")


class Accounts:
    """One session's view, in the administrator's home database."""

    def __init__(self, session: Session) -> None:
        self._session = session

    # databases

    def databases(self) -> list[str]:
        return [name for (name,) in self._session.rows("SELECT datname FROM pg_database WHERE datallowconn")]

    def owner_of(self, database: str) -> str | None:
        """Name of the database's owner role; None when there is no such database."""
        found = self._session.rows("SELECT oid FROM pg_database WHERE datname = %s", database)
        return f"{OWNER_PREFIX}{found[0][0]}" if found else None

    def require_databases(self, names: Iterable[str]) -> None:
        missing = sorted(set(names) - set(self.databases()))
        if missing:
            raise DatabaseNotFound(f"There is no database {missing[0]!r}.")

    def create_database(self, database: DatabaseSpec) -> None:
        """Each statement may have been run before: an earlier delivery may have died between any two.

        Closed until it is owned and PUBLIC is shut out: at no moment may others connect.
        """
        name = Identifier(database.name)
        if self.owner_of(database.name) is None:
            encoding, locale = database.character_set, database.collate
            options: list[Composable] = [SQL("TEMPLATE template0 ALLOW_CONNECTIONS false")]
            if encoding is not None:
                options.append(SQL("ENCODING {}").format(Literal(encoding)))
            if locale is not None:
                options.append(SQL("LC_COLLATE {0} LC_CTYPE {0}").format(Literal(locale)))
            self._session.execute(
                "CREATE DATABASE {name} {options}", name=name, options=SQL(" ").join(options)
            )
        self._ensure_owner(database.name)
        self._session.execute("ALTER DATABASE {name} ALLOW_CONNECTIONS true", name=name)

    def _ensure_owner(self, database: str) -> str:
        """Also for a database that the user's own superuser has made."""
        owner = self.owner_of(database)
        if owner is None:
            raise DatabaseNotFound(f"There is no database {database!r}.")
        if not self.has_role(owner):
            self._session.execute("CREATE ROLE {owner} NOLOGIN", owner=Identifier(owner))
        name = Identifier(database)
        self._session.execute("REVOKE ALL ON DATABASE {name} FROM PUBLIC", name=name)
        self._session.execute("ALTER DATABASE {name} OWNER TO {owner}", name=name, owner=Identifier(owner))
        return owner

    def drop_database(self, name: str) -> None:
        self._session.execute("DROP DATABASE IF EXISTS {name} WITH (FORCE)", name=Identifier(name))

    def orphaned_owners(self) -> list[str]:
        """Owner roles whose database is gone."""
        rows = self._session.rows(
            "SELECT rolname FROM pg_roles WHERE rolname LIKE %s"
            " AND substr(rolname, %s) NOT IN (SELECT oid::text FROM pg_database)",
            _OWNERS,
            len(OWNER_PREFIX) + 1,
        )
        return [name for (name,) in rows]

    # users

    def has_role(self, name: str) -> bool:
        return bool(self._session.rows("SELECT 1 FROM pg_roles WHERE rolname = %s", name))

    def stored_password(self, name: str) -> str | None:
        """The verifier; empty when there is none, None when there is no such role."""
        found = self._session.rows("SELECT rolpassword FROM pg_authid WHERE rolname = %s", name)
        return str(found[0][0] or "") if found else None

    def all(self) -> list[UserInfo]:
        """Everybody who can log in, with the databases they are let into."""
        rows = self._session.rows(
            "SELECT u.rolname, array_remove(array_agg(d.datname ORDER BY d.datname), NULL) FROM pg_roles u"
            " LEFT JOIN pg_auth_members m ON m.member = u.oid"
            " LEFT JOIN pg_roles o ON o.oid = m.roleid AND o.rolname LIKE %s"
            " LEFT JOIN pg_database d ON d.oid::text = substr(o.rolname, %s)"
            " WHERE u.rolcanlogin GROUP BY u.rolname",
            _OWNERS,
            len(OWNER_PREFIX) + 1,
        )
        return [UserInfo(name=name, databases=tuple(databases)) for name, databases in rows]

    def create(self, name: str, verifier: str) -> None:
        self._session.execute(
            "CREATE ROLE {name} LOGIN PASSWORD {verifier}", name=Identifier(name), verifier=Literal(verifier)
        )

    def set_password(self, name: str, verifier: str) -> None:
        self._session.execute(
            "ALTER ROLE {name} PASSWORD {verifier}", name=Identifier(name), verifier=Literal(verifier)
        )

    def rename(self, name: str, new: str) -> None:
        self._session.execute("ALTER ROLE {name} RENAME TO {new}", name=Identifier(name), new=Identifier(new))

    def oid_of(self, role: str) -> int | None:
        found = self._session.rows("SELECT oid FROM pg_roles WHERE rolname = %s", role)
        return int(found[0][0]) if found else None

    def databases_holding(self, role_oid: int) -> list[str]:
        """Where something belongs to the role, or it has rights. Home first, for what is in no database."""
        rows = self._session.rows(
            "SELECT DISTINCT datname FROM pg_shdepend s JOIN pg_database d ON d.oid = s.dbid"
            " WHERE s.refclassid = 'pg_authid'::regclass AND s.refobjid = %s AND d.datallowconn",
            role_oid,
        )
        return [HOME, *(name for (name,) in rows if name != HOME)]

    def close_role(self, name: str) -> None:
        """Nobody is logged in as the role any more, nor can be."""
        self._session.execute("ALTER ROLE {name} NOLOGIN", name=Identifier(name))
        self.end_connections(name)

    def drop_role(self, name: str) -> None:
        self._session.execute("DROP ROLE IF EXISTS {name}", name=Identifier(name))

    def end_connections(self, name: str, database: str | None = None) -> None:
        self._session.rows(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE usename = %s AND (%s::text IS NULL OR datname = %s)",
            name, database, database,
        )  # fmt: skip

    # access

    def grant_all(self, user: str, databases: Sequence[str]) -> None:
        for database in databases:
            owner = self._ensure_owner(database)
            names = {"owner": Identifier(owner), "user": Identifier(user), "database": Identifier(database)}
            self._session.execute("GRANT {owner} TO {user}", owner=names["owner"], user=names["user"])
            self._session.execute("ALTER ROLE {user} IN DATABASE {database} SET role TO {owner}", **names)

    def revoke(self, user: str, database: str) -> None:
        """Also for sessions that are open: they would keep what they have taken on."""
        owner = self.owner_of(database)
        if owner is None:
            return
        names = {"user": Identifier(user), "database": Identifier(database)}
        self._session.execute("ALTER ROLE {user} IN DATABASE {database} RESET role", **names)
        self._session.execute("REVOKE {owner} FROM {user}", owner=Identifier(owner), user=names["user"])
        self.end_connections(user, database)

    # the superuser

    def enable_superuser(self, name: str, verifier: str) -> None:
        """An account left from before is opened again."""
        role = Identifier(name)
        if not self.has_role(name):
            self._session.execute("CREATE ROLE {role} NOLOGIN", role=role)
        self._session.execute(
            "ALTER ROLE {role} SUPERUSER CREATEDB CREATEROLE REPLICATION BYPASSRLS LOGIN PASSWORD {verifier}",
            role=role,
            verifier=Literal(verifier),
        )

    def lock_superuser(self, name: str) -> None:
        """The account stays, for things may belong to it; nobody can log in to it."""
        if self.has_role(name):
            self._session.execute(
                "ALTER ROLE {role} NOLOGIN NOSUPERUSER PASSWORD NULL", role=Identifier(name)
            )
            self.end_connections(name)


def forget_role(session: Session, role_oid: int) -> None:
    """In the session's database: what the role owns goes to the database's owner, its rights are dropped.

    The server puts the names in, for in a database of another encoding they can't be said from here.
    """
    session.execute(
        """
        DO $do$ DECLARE
            role name := pg_get_userbyid({oid});
            owner name := (
                SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = current_database()
            );
        BEGIN
            IF role <> owner THEN EXECUTE format('REASSIGN OWNED BY %I TO %I', role, owner); END IF;
            EXECUTE format('DROP OWNED BY %I', role);
        END $do$
        """,
        oid=Literal(role_oid),
    )
