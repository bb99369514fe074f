"""The probe's database, as seen from the test's process."""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path


class ProbeDatabase:
    def __init__(self, path: Path) -> None:
        self.path = path

    def handled(self, kind: str = "command_finished") -> list[str]:
        """Command ids that were handled, each as often as it was; for heartbeats instance ids."""
        with contextlib.closing(sqlite3.connect(self.path, timeout=10)) as connection:
            rows = connection.execute(
                "SELECT command_id FROM probe_handled WHERE kind = ? ORDER BY id", (kind,)
            )
            return [str(row[0]) for row in rows]

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Nobody can write meanwhile."""
        with contextlib.closing(sqlite3.connect(self.path, timeout=10, isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            yield
            connection.execute("ROLLBACK")
