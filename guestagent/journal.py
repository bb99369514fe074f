"""The agent's memory: which commands it was given, how they ended, and which reports are still to be sent.

::

    accept ──▶ ACCEPTED ──▶ RUNNING ──▶ FINISHED ──▶ (pruned by age)
                   └───────────────────────▲   refused before it began

Each change is on disk before the call returns (SQLite, WAL, synchronous=FULL). A command's payload is kept
only as the sealed envelope it came in, and only until the command is finished: nothing in the file is secret.
"""

import enum
import logging
import sqlite3
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from guestagent.protocol.envelope import Header, now_ms
from guestagent.protocol.reports import AnyReport, CommandFinished, decode_report, encode_report

log = logging.getLogger(__name__)

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS command (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    header BLOB NOT NULL,
    envelope TEXT,
    outcome BLOB,
    received_at_ms INTEGER NOT NULL,
    finished_at_ms INTEGER
);
CREATE INDEX IF NOT EXISTS command_state ON command (state);
CREATE TABLE IF NOT EXISTS report (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    message_id TEXT NOT NULL,
    command_id TEXT NOT NULL UNIQUE,
    header BLOB NOT NULL,
    payload BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS fact (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""
_encode = msgspec.json.encode
_decode_header = msgspec.json.Decoder(Header).decode


class CommandState(enum.StrEnum):
    ACCEPTED = "accepted"
    RUNNING = "running"
    FINISHED = "finished"


class Entry(NamedTuple):
    """A command as the journal knows it. `envelope` is None once it is finished."""

    id: str
    kind: str
    state: CommandState
    header: Header
    envelope: str | None
    received_at_ms: int


class PendingReport(NamedTuple):
    """A report to publish; `header` is that of the command it answers."""

    position: int
    message_id: str
    header: Header
    report: AnyReport


class Journal:
    """Safe to use from several threads. All methods may raise sqlite3.Error (disk full, file damaged)."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        try:
            self._db = _open(path)
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError):
                raise  # no space, no permission: the file itself may be sound
            _set_aside(path)
            self._db = _open(path)

    def close(self) -> None:
        with self._lock:
            self._db.close()

    # commands

    def accept(self, header: Header, envelope: str) -> Entry | None:
        """Remember a new command and return None; one that is known already is returned as it stands."""
        with self._transaction() as db:
            known = _entry(db, header.message_id)
            if known is None:
                db.execute(
                    "INSERT INTO command (id, kind, state, header, envelope, received_at_ms)"
                    " VALUES (?, ?, ?, ?, ?, ?)",
                    (
                        header.message_id,
                        header.kind,
                        CommandState.ACCEPTED,
                        _encode(header),
                        envelope,
                        now_ms(),
                    ),
                )
            return known

    def mark_running(self, command_id: str) -> None:
        with self._transaction() as db:
            db.execute("UPDATE command SET state = ? WHERE id = ?", (CommandState.RUNNING, command_id))

    def finish(self, header: Header, report: CommandFinished) -> None:
        """Record the outcome and the report to send, together. The first outcome recorded is the one."""
        payload = encode_report(report)
        with self._transaction() as db:
            db.execute(
                "INSERT INTO command (id, kind, state, header, outcome, received_at_ms, finished_at_ms)"
                " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET state = excluded.state,"
                " outcome = excluded.outcome, finished_at_ms = excluded.finished_at_ms, envelope = NULL"
                " WHERE outcome IS NULL",
                (
                    header.message_id,
                    header.kind,
                    CommandState.FINISHED,
                    _encode(header),
                    payload,
                    now_ms(),
                    now_ms(),
                ),
            )
            _enqueue_outcome(db, header.message_id)

    def repeat_outcome(self, command_id: str) -> bool:
        """Send the recorded outcome once more; False when there is none yet."""
        with self._transaction() as db:
            return _enqueue_outcome(db, command_id)

    def find(self, command_id: str) -> Entry | None:
        with self._transaction() as db:
            return _entry(db, command_id)

    def unfinished(self) -> list[Entry]:
        """Commands that an earlier agent left behind, in the order they came."""
        with self._transaction() as db:
            rows = db.execute(
                _SELECT_ENTRY + "WHERE state != ? ORDER BY position",
                (CommandState.FINISHED,),
            )
            return [_to_entry(row) for row in rows]

    def prune(self, *, finished_before_ms: int) -> None:
        """Forget old outcomes. What is forgotten must be too old to be accepted again."""
        with self._transaction() as db:
            db.execute("DELETE FROM command WHERE finished_at_ms < ?", (finished_before_ms,))

    # reports

    def next_report(self) -> PendingReport | None:
        with self._transaction() as db:
            row = db.execute(
                "SELECT position, message_id, header, payload FROM report ORDER BY position LIMIT 1"
            ).fetchone()
        if row is None:
            return None
        return PendingReport(row[0], row[1], _decode_header(row[2]), decode_report(row[3]))

    def remove_report(self, position: int) -> None:
        with self._transaction() as db:
            db.execute("DELETE FROM report WHERE position = ?", (position,))

    def reserve_sequence(self, count: int) -> int:
        """The first of `count` numbers that no report had before.

        Numbers start at the clock, in milliseconds: an agent that lost its journal still goes on above
        what it used, since it never sends a thousand reports a second.
        """
        with self._transaction() as db:
            row = db.execute("SELECT value FROM fact WHERE name = 'sequence'").fetchone()
            first = max(int(row[0]) if row else 0, now_ms())
            _set_fact(db, "sequence", str(first + count))
            return first

    # facts that must outlive the agent

    def get_fact(self, name: str) -> str | None:
        with self._transaction() as db:
            row = db.execute("SELECT value FROM fact WHERE name = ?", (name,)).fetchone()
            return str(row[0]) if row else None

    def set_fact(self, name: str, value: str) -> None:
        with self._transaction() as db:
            _set_fact(db, name, value)

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            self._db.execute("BEGIN")
            try:
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise


_SELECT_ENTRY: Final = "SELECT id, kind, state, header, envelope, received_at_ms FROM command "


def _open(path: Path) -> sqlite3.Connection:
    path.touch(mode=0o600)
    db = sqlite3.connect(path, timeout=5.0, isolation_level=None, check_same_thread=False)
    try:
        db.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;" + _SCHEMA)
    except sqlite3.Error:
        db.close()
        raise
    return db


def _set_aside(path: Path) -> None:
    """Commands can be repeated without harm, so a lost memory is better than an agent that cannot start."""
    damaged = path.with_name(f"{path.name}.damaged-{int(time.time())}")
    log.error("the journal is damaged: starting a new one", extra={"kept_as": str(damaged)})
    path.rename(damaged)
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def _entry(db: sqlite3.Connection, command_id: str) -> Entry | None:
    row = db.execute(_SELECT_ENTRY + "WHERE id = ?", (command_id,)).fetchone()
    return _to_entry(row) if row else None


def _to_entry(row: tuple[str, str, str, bytes, str | None, int]) -> Entry:
    return Entry(row[0], row[1], CommandState(row[2]), _decode_header(row[3]), row[4], row[5])


def _enqueue_outcome(db: sqlite3.Connection, command_id: str) -> bool:
    """One copy at most is on its way; a report that was published may be asked for again."""
    return (
        db.execute(
            "INSERT INTO report (message_id, command_id, header, payload)"
            " SELECT ?, id, header, outcome FROM command WHERE id = ? AND outcome IS NOT NULL"
            " ON CONFLICT (command_id) DO NOTHING",
            (str(uuid.uuid4()), command_id),
        ).rowcount
        > 0
    )


def _set_fact(db: sqlite3.Connection, name: str, value: str) -> None:
    db.execute(
        "INSERT INTO fact (name, value) VALUES (?, ?)"
        " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        (name, value),
    )
