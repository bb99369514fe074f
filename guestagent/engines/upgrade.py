"""Takes a server and its data to another version, with a way back until that is settled.

Within a release series the data stay where they are. To another series a copy is taken, and the old data are
kept beside it untouched. In both cases the new server proves good while nobody else can reach it.

What is true after a kill at any point is in the names of folders, the version inside the data directory, and
the note: one that is not proved means that everything goes back, which `recover` does before any start.
"""

import logging
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from guestagent.errors import EngineFailed, GuestError
from guestagent.system.files import remove_tree, sync_directory, sync_tree
from guestagent.volume import directory_bytes

if TYPE_CHECKING:
    from guestagent.engines.server import ServerManager

log = logging.getLogger(__name__)

_VERSION: Final = re.compile(r"\d+(\.\d+)*")
#: What a server writes while it proves good: logs to be, mostly.
_SPARE_BYTES: Final = 64 * 1024 * 1024
_STOP_SECONDS: Final = 60.0


class Note(msgspec.Struct, frozen=True, kw_only=True):
    before: str  # the version before
    to: str
    is_proved: bool = False


class Upgrader:
    def __init__(self, server: "ServerManager") -> None:
        self._server = server
        self._layout = server.layout

    def version(self) -> str:
        """Which the data are for; the configuration's unless they were upgraded."""
        try:
            version = self._layout.version.read_text()
        except (FileNotFoundError, NotADirectoryError):
            return self._server.config.version
        if not _VERSION.fullmatch(version):
            raise EngineFailed("The note of the data's version is damaged.")
        return version

    def upgrade(self, version: str) -> None:
        series = self._server.spec.series_of
        self.run(version, on_copy=series(version) != series(self.version()))

    def run(self, version: str, *, on_copy: bool) -> None:
        """Raises GuestError when it did not work; then the old version runs with the old data."""
        note = self._note()
        if note is not None and note.is_proved and note.to != version:
            self.settle()
        self.recover()
        if self.version() != version:
            self._check(version, on_copy=on_copy)
            self._server.stop(_STOP_SECONDS)
            try:
                self._change(version, on_copy=on_copy)
            except (GuestError, OSError) as error:
                log.warning("the upgrade is taken back", extra={"reason": type(error).__name__})
                self.revert()
                raise
        self._server.start_as_is()

    def recover(self) -> None:
        """Undo an upgrade that was interrupted."""
        note = self._note()
        if note is not None and not note.is_proved:
            self._go_back(note)

    def revert(self) -> None:
        note = self._note()
        if note is not None:
            self._go_back(note)
            self._server.start_as_is()

    def settle(self) -> None:
        note = self._note()
        if note is None or not note.is_proved:
            return
        if self._layout.before.exists():
            # Renamed first: what is half removed must not be taken for a way back.
            remove_tree(self._layout.discarded)
            self._layout.before.rename(self._layout.discarded)
        self._forget()
        remove_tree(self._layout.discarded)

    def _check(self, version: str, *, on_copy: bool) -> None:
        """What can be known before the server goes down."""
        if not _VERSION.fullmatch(version):
            raise GuestError("This is not a version.", code="invalid_version")
        self._server.program_of(version)
        needed = directory_bytes(self._layout.data) + _SPARE_BYTES
        free = shutil.disk_usage(self._layout.volume).free
        if on_copy and free < needed:
            missing = (needed - free) // (1024 * 1024) + 1
            raise GuestError(
                f"The volume needs {missing} MB more free space for a copy of the data.",
                code="volume_too_small",
            )

    def _change(self, version: str, *, on_copy: bool) -> None:
        before = self.version()
        new = self._server.program_of(version)
        self._write(Note(before=before, to=version))
        if on_copy:
            remove_tree(self._layout.upgraded)
            self._server.fill_upgraded(self._server.program_of(before), new)
            self._mark(self._layout.upgraded, version)
            sync_tree(self._layout.upgraded)
            remove_tree(self._layout.before)
            self._layout.data.rename(self._layout.before)
            self._layout.upgraded.rename(self._layout.data)
            sync_directory(self._layout.volume)
        else:
            self._mark(self._layout.data, version)
        with self._server.closed():
            self._server.complete_upgrade(new)
        self._write(Note(before=before, to=version, is_proved=True))
        self._server.start_as_is()

    def _go_back(self, note: Note) -> None:
        layout = self._layout
        self._server.stop(_STOP_SECONDS)
        remove_tree(layout.discarded)
        if layout.before.exists():
            if layout.data.exists():
                layout.data.rename(layout.discarded)
            layout.before.rename(layout.data)
            sync_directory(layout.volume)
        else:
            self._mark(layout.data, note.before)
        self._forget()
        remove_tree(layout.discarded)
        remove_tree(layout.upgraded)

    def _mark(self, folder: Path, version: str) -> None:
        self._server.runtime.write_file(folder / self._layout.version.name, version)

    def _note(self) -> Note | None:
        try:
            return msgspec.json.decode(self._layout.upgrade.read_bytes(), type=Note)
        except FileNotFoundError:
            return None
        except msgspec.DecodeError as error:
            raise EngineFailed("The note of an upgrade is damaged.") from error

    def _write(self, note: Note) -> None:
        self._server.runtime.write_file(self._layout.upgrade, msgspec.json.encode(note).decode())

    def _forget(self) -> None:
        self._layout.upgrade.unlink(missing_ok=True)
        sync_directory(self._layout.volume)
