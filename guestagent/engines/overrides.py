"""What the user overrides in the server's configuration, kept so that it can be taken back."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from guestagent.system.files import sync_directory, write_atomically


class Overrides:
    """Three files, of which one or more may be there after a kill at any point:

    * `current`: what the server is to use; written into its configuration at each start;
    * `undo`: what was current before the change that is being made right now;
    * `started_with`: there while the server runs without some of `current`: it needs a restart to take them,
      and goes back to these should it not start.
    """

    def __init__(self, current: Path) -> None:
        self._current = current
        self._undo = current.with_suffix(".undo.json")
        self._started_with = current.with_suffix(".started.json")

    def current(self) -> dict[str, Any]:
        return _read(self._current) or {}

    def started_with(self) -> dict[str, Any]:
        """What the running server took from its configuration files when it started."""
        for path in (self._started_with, self._undo, self._current):
            if (found := _read(path)) is not None:
                return found
        return {}

    @property
    def is_restart_required(self) -> bool:
        return self._started_with.exists()

    def replace(self, overrides: Mapping[str, Any]) -> None:
        """For a server that has never run."""
        _write(self._current, overrides)

    def begin(self, overrides: Mapping[str, Any]) -> dict[str, Any]:
        """Make `overrides` current. Returns those before, also when an interrupted change is begun again."""
        before = _read(self._undo)
        if before is None:
            before = self.current()
            _write(self._undo, before)
        _write(self._current, overrides)
        return before

    def undo(self) -> None:
        """Take back what was begun."""
        before = _read(self._undo)
        if before is not None:
            _write(self._current, before)
            _remove(self._undo)

    def settle(self, *, restart_required: bool) -> None:
        """What was begun is done."""
        if not restart_required:
            _remove(self._started_with)
        elif not self._started_with.exists():
            _write(self._started_with, self.started_with())
        _remove(self._undo)

    def proved(self) -> None:
        """The server has started with `current`."""
        _remove(self._started_with)

    def fall_back(self) -> dict[str, Any] | None:
        """The server did not start with `current`: make those current that it ran with. None: no others."""
        if not (self._started_with.exists() or self._undo.exists()):
            return None
        before = self.started_with()
        _write(self._current, before)
        _remove(self._started_with)
        return before


def _read(path: Path) -> dict[str, Any] | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
    except FileNotFoundError:
        return None


def _write(path: Path, overrides: Mapping[str, Any]) -> None:
    write_atomically(path, msgspec.json.encode(dict(overrides)))


def _remove(path: Path) -> None:
    if path.exists():
        path.unlink()
        sync_directory(path.parent)
