"""An application's view of an instance: ordinary drivers, plain SQL, over TCP."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

import psycopg
import pymysql

Datastore = Literal["mariadb", "postgresql"]
PORTS: Final = {"mariadb": 3306, "postgresql": 5432}
_TIMEOUT_SECONDS: Final = 10


@dataclass(frozen=True, slots=True)
class Login:
    datastore: Datastore
    host: str
    user: str
    password: str
    database: str

    def with_account(self, user: str, password: str, database: str) -> "Login":
        return replace(self, user=user, password=password, database=database)

    @contextmanager
    def cursor(self) -> Iterator[Any]:
        """A cursor in a transaction of its own, committed at the end."""
        connection = self._connect()
        try:
            with connection.cursor() as cursor:
                yield cursor
            connection.commit()
        finally:
            connection.close()

    def _connect(self) -> Any:
        if self.datastore == "postgresql":
            return psycopg.connect(
                host=self.host, user=self.user, password=self.password, dbname=self.database,
                connect_timeout=_TIMEOUT_SECONDS,
            )  # fmt: skip
        return pymysql.connect(
            host=self.host, user=self.user, password=self.password, database=self.database,
            connect_timeout=_TIMEOUT_SECONDS, read_timeout=_TIMEOUT_SECONDS, write_timeout=_TIMEOUT_SECONDS,
        )  # fmt: skip


def write_rows(login: Login, words: list[str]) -> None:
    """Make the table `notes` and put the words into it."""
    with login.cursor() as cursor:
        cursor.execute("CREATE TABLE notes (word VARCHAR(40) NOT NULL)")
        cursor.executemany("INSERT INTO notes (word) VALUES (%s)", [(word,) for word in words])


def read_rows(login: Login) -> list[str]:
    with login.cursor() as cursor:
        cursor.execute("SELECT word FROM notes ORDER BY word")
        return [row[0] for row in cursor.fetchall()]


def server_version(login: Login) -> str:
    with login.cursor() as cursor:
        cursor.execute("SELECT version()")
        return str(cursor.fetchone()[0])
