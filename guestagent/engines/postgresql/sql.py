"""The administrator's connection to a PostgreSQL server, over its Unix socket."""

import contextlib
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, LiteralString

import psycopg
from psycopg import errors, sql

from guestagent.engines.server import StartingUp
from guestagent.errors import EngineFailed, EngineNotReady, EngineTimeout, GuestError

ADMIN = "os_admin"
#: Where the administrator works when no other database is meant.
HOME = "postgres"
#: Statements of ours are short; dropping a large database is the longest.
STATEMENT_TIMEOUT_SECONDS = 120.0
CUT_GRACE_SECONDS = 1.0

_NOT_YET = (errors.CannotConnectNow,)
_GOING = (errors.AdminShutdown, errors.CrashShutdown, errors.ConnectionFailure)
_TOO_LONG = (errors.QueryCanceled, errors.ConnectionTimeout, errors.LockNotAvailable)


class Session:
    """Runs statements. Values and names are composed by the driver; no text is pasted into a statement."""

    def __init__(self, connection: "psycopg.Connection[tuple[Any, ...]]") -> None:
        self._connection = connection

    def execute(self, statement: LiteralString, **parts: sql.Composable) -> None:
        self._connection.execute(sql.SQL(statement).format(**parts))

    def rows(self, query: LiteralString, *values: Any) -> list[tuple[Any, ...]]:
        return self._connection.execute(query, values).fetchall()

    def password_verifier(self, password: str) -> str:
        """What the server stores of a password: it never gets the password itself."""
        encrypt = self._connection.pgconn.encrypt_password
        return encrypt(password.encode(), b"unused", b"scram-sha-256").decode()


@contextmanager
def connect(
    socket_folder: Path,
    database: str = HOME,
    *,
    timeout_seconds: float = STATEMENT_TIMEOUT_SECONDS,
) -> Iterator[Session]:
    """A session in autocommit. Raises StartingUp, EngineNotReady, EngineTimeout or EngineFailed."""
    with translated():
        try:
            connection = psycopg.connect(
                host=str(socket_folder),
                user=ADMIN,
                dbname=database,
                autocommit=True,
                connect_timeout=max(2, int(min(timeout_seconds, 10.0))),
                client_encoding="utf8",
                application_name="guest agent",
                options=_options(timeout_seconds),
            )
        except psycopg.OperationalError as error:
            if error.sqlstate is None and not isinstance(error, errors.ConnectionTimeout):
                raise StartingUp("The database server does not take connections yet.") from None
            raise
        with connection, _cut_after(connection, timeout_seconds):
            yield Session(connection)


def _options(timeout_seconds: float) -> str:
    """What the owner of a database may have set for it must not change what our statements do or call."""
    milliseconds = int(timeout_seconds * 1000)
    settings = {
        "search_path": "pg_catalog",
        "role": "none",
        "default_transaction_read_only": "off",
        "statement_timeout": milliseconds,
        "lock_timeout": milliseconds,
        "idle_in_transaction_session_timeout": milliseconds,
    }
    return " ".join(f"-c {name}={value}" for name, value in settings.items())


@contextmanager
def _cut_after(connection: "psycopg.Connection[Any]", timeout_seconds: float) -> Iterator[None]:
    """End the conversation when the time is up, for the driver waits forever for a server that is frozen.

    A server that lives has ended the statement by its own time limit before.
    """
    expired = threading.Event()
    # A descriptor of its own: the driver may have closed its one, and the number be somebody else's.
    with socket.socket(fileno=os.dup(connection.fileno())) as line:

        def cut() -> None:
            expired.set()
            with contextlib.suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)

        timer = threading.Timer(timeout_seconds + CUT_GRACE_SECONDS, cut)
        timer.daemon = True
        timer.start()
        try:
            yield
        except psycopg.Error:
            if expired.is_set():
                raise EngineTimeout("The database server did not answer in time.") from None
            raise
        finally:
            timer.cancel()
            timer.join()


@contextmanager
def translated() -> Iterator[None]:
    try:
        yield
    except GuestError:
        raise
    except psycopg.Error as error:
        raise _translate(error) from None


def _translate(error: psycopg.Error) -> GuestError:
    if isinstance(error, _NOT_YET):
        return StartingUp("The database server does not take connections yet.")
    if isinstance(error, _TOO_LONG):
        return EngineTimeout("The database server did not answer in time.")
    if isinstance(error, _GOING) or (isinstance(error, psycopg.OperationalError) and error.sqlstate is None):
        return EngineNotReady("The connection to the database server was lost.")
    said = error.diag.message_primary or type(error).__name__
    return EngineFailed(f"The database server refused: {said} ({error.sqlstate})")
