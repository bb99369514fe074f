"""Knowing a process again: by its id *and* the moment it started, so that a reused id is a stranger."""

import os
import select
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import msgspec

PROC = Path("/proc")


class ProcessIdentity(msgspec.Struct, frozen=True, kw_only=True):
    """One process of one boot of this host."""

    pid: int
    started_ticks: int  # field 22 of /proc/<pid>/stat
    boot_id: str

    @classmethod
    def of(cls, pid: int) -> "ProcessIdentity | None":
        """The living process with this id; None when there is none, or only its zombie."""
        fields = _stat_fields(pid)
        if fields is None or fields[0] in {"Z", "X"}:
            return None
        return cls(pid=pid, started_ticks=int(fields[19]), boot_id=boot_id())

    @property
    def is_alive(self) -> bool:
        return ProcessIdentity.of(self.pid) == self

    def send(self, number: int) -> bool:
        """Signal exactly this process; False when it is gone."""
        with self._handle() as handle:
            if handle is None:
                return False
            try:
                signal.pidfd_send_signal(handle, number)
            except ProcessLookupError:
                return False
            return True

    def wait(self, timeout_seconds: float) -> bool:
        """True as soon as the process has ended, False when it has not within the time."""
        with self._handle() as handle:
            if handle is None:
                return True
            poll = select.poll()
            poll.register(handle, select.POLLIN)
            return bool(poll.poll(max(0.0, timeout_seconds) * 1000))

    @contextmanager
    def _handle(self) -> Iterator[int | None]:
        """A pidfd of this very process: opened first, checked after, so that the id can't change hands."""
        try:
            handle = os.pidfd_open(self.pid)
        except ProcessLookupError:
            yield None
            return
        try:
            yield handle if self.is_alive else None
        finally:
            os.close(handle)


def parent_of(pid: int) -> int | None:
    fields = _stat_fields(pid)
    return int(fields[1]) if fields is not None else None


def holders_of(path: Path) -> list[int]:
    """Ids of the processes that have the file open, ours excluded: those whose /proc entry we may read."""
    try:
        wanted = path.stat()
    except FileNotFoundError:
        return []
    return [pid for pid in _all_pids() if pid != os.getpid() and _has_open(pid, wanted)]


def leaders_of(path: Path) -> list[ProcessIdentity]:
    """Of those that have the file open, the ones that did not get it from another of them."""
    holders = holders_of(path)
    # A process that ended since has no parent any more: it is nobody's leader.
    leaders = [pid for pid in holders if parent_of(pid) not in (None, *holders)]
    return [identity for identity in map(ProcessIdentity.of, leaders) if identity is not None]


@cache
def boot_id() -> str:
    return (PROC / "sys/kernel/random/boot_id").read_text().strip()


def _stat_fields(pid: int) -> list[str] | None:
    """/proc/<pid>/stat from the state on; the name before it may hold spaces and brackets."""
    try:
        text = (PROC / str(pid) / "stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return text[text.rindex(")") + 2 :].split()


def _all_pids() -> Iterator[int]:
    return (int(entry.name) for entry in os.scandir(PROC) if entry.name.isdigit())


def _has_open(pid: int, wanted: os.stat_result) -> bool:
    try:
        with os.scandir(PROC / str(pid) / "fd") as descriptors:
            for descriptor in descriptors:
                try:
                    seen = descriptor.stat()
                except OSError:
                    continue
                if os.path.samestat(seen, wanted):
                    return True
    except OSError:
        return False
    return False
