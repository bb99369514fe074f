"""The administrator's connection to a MariaDB or MySQL server, over its Unix socket."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pymysql
from pymysql.connections import Connection
from pymysql.constants import CR, ER
from pymysql.cursors import Cursor

from guestagent.engines.server import StartingUp
from guestagent.errors import EngineFailed, EngineNotReady, EngineTimeout, GuestError
from guestagent.protocol.secret import Secret

ADMIN = "os_admin"
#: Queries of ours are short; DROP DATABASE of a large one is the longest.
QUERY_TIMEOUT_SECONDS = 120.0

#: The server lost us, or we gave up waiting: PyMySQL reports both as a lost connection.
_LOST = {CR.CR_SERVER_LOST, CR.CR_SERVER_GONE_ERROR}


def quote_name(name: str) -> str:
    """An identifier to put into a statement that is run by `Session.execute`, which formats it once."""
    return "`" + name.replace("`", "``").replace("%", "%%") + "`"


def quote_pattern(name: str) -> str:
    r"""A database name where GRANT reads a pattern: `_` and `%` would match any character."""
    return quote_name(escape_pattern(name))


def escape_pattern(name: str) -> str:
    return name.replace("\\", "\\\\").replace("_", "\\_").replace("%", "\\%")


class Session:
    """Runs statements. Values are quoted by the driver, names by `quote_name`; nothing else goes in."""

    def __init__(self, cursor: Cursor) -> None:
        self._cursor = cursor

    def execute(self, statement: str, *values: Any) -> None:
        """`statement` is always formatted, so a literal percent sign is written ``%%``."""
        self._cursor.execute(statement, values)

    def execute_unless(self, ignored: int, statement: str, *values: Any) -> None:
        """As `execute`, but the server's error with this number is success."""
        try:
            self.execute(statement, *values)
        except pymysql.Error as error:
            if not error.args or error.args[0] != ignored:
                raise

    def rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        self.execute(statement, *values)
        return [tuple(row) for row in self._cursor.fetchall()]


@contextmanager
def connect(
    socket: Path, password: Secret, *, timeout_seconds: float = QUERY_TIMEOUT_SECONDS
) -> Iterator[Session]:
    """A session in autocommit. Raises EngineNotReady, StartingUp, EngineTimeout or EngineFailed."""
    with translated():
        connection: Connection[Cursor] = pymysql.connect(
            unix_socket=str(socket),
            user=ADMIN,
            password=password.reveal(),
            charset="utf8mb4",
            # There is no one between the ends of a socket, and setting TLS up costs more than all the rest.
            ssl_disabled=True,
            autocommit=True,
            connect_timeout=max(1, int(min(timeout_seconds, 10.0))),
            read_timeout=timeout_seconds,
            write_timeout=timeout_seconds,
            # A mode that the user has set for all must not change how our statements are read.
            init_command="SET SESSION sql_mode = ''",
        )
        try:
            yield Session(connection.cursor())
        finally:
            connection.close()


@contextmanager
def translated() -> Iterator[None]:
    try:
        yield
    except GuestError:
        raise
    except pymysql.Error as error:
        raise _translate(error) from None


def _translate(error: pymysql.Error) -> GuestError:
    number = error.args[0] if error.args else 0
    message = str(error.args[1]) if len(error.args) > 1 else type(error).__name__
    if number == CR.CR_CONN_HOST_ERROR:
        return StartingUp("The database server does not take connections yet.")
    if number in _LOST:
        if "timed out" in message:
            return EngineTimeout("The database server did not answer in time.")
        return EngineNotReady("The connection to the database server was lost.")
    if number == ER.SERVER_SHUTDOWN:
        return EngineNotReady("The database server is shutting down.")
    return EngineFailed(f"The database server refused: {message} ({number})")
