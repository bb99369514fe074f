"""Finds the processes of a server by what they are, and ends them without ever hitting another.

A process id is only a number that the kernel gives out again. So a process is pinned by a pidfd first and
looked at afterwards: what is signalled is what was looked at.
"""

import contextlib
import itertools
import os
import signal
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from instances.providers.local.layout import ServerFolder, ServerRecord

_POLL_SECONDS: Final = 0.02
Match = Callable[[int], bool]


def is_engine_of(record: ServerRecord) -> Match:
    """Database processes of the server: they run as its user and live in its data or state folder."""
    users = {os.geteuid(), os.geteuid() if record.database_uid is None else record.database_uid}
    roots = (record.data_path, record.state_path)

    def match(pid: int) -> bool:
        try:
            if Path(f"/proc/{pid}").stat().st_uid not in users or _has_terminal(pid):
                return False
            return _is_below(str(Path(f"/proc/{pid}/cwd").readlink()), roots) or any(
                _mentions(argument, roots) for argument in _arguments(pid)
            )
        except OSError:
            return False

    return match


def is_agent_of(folder: ServerFolder) -> Match:
    """Guest agents of the server, also one that has not taken its lock yet."""
    config = str(folder.guest_config)

    def match(pid: int) -> bool:
        try:
            arguments = _arguments(pid)
            return ("--config", config) in itertools.pairwise(arguments) and not _has_terminal(pid)
        except OSError:
            return False

    return match


def find(match: Match) -> list[int]:
    own = os.getpid()
    pids = (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())
    return [pid for pid in pids if pid != own and match(pid)]


def send(number: signal.Signals, match: Match, pids: Iterable[int]) -> None:
    """Signal those of `pids` that still match."""
    for pid in pids:
        with contextlib.suppress(OSError):
            pinned = os.pidfd_open(pid)
            try:
                if match(pid):
                    signal.pidfd_send_signal(pinned, number)
            finally:
                os.close(pinned)


def send_to_parents(number: signal.Signals, match: Match) -> None:
    """Signal the matching processes that no matching process has started: servers see to their workers."""
    pids = find(match)
    send(number, match, [pid for pid in pids if _parent(pid) not in pids])


def end(match: Match, *, ask: signal.Signals, patience_seconds: float, insist_seconds: float = 1.0) -> bool:
    """Ask, wait, and kill; True when none is left."""
    if not find(match):
        return True
    send_to_parents(ask, match)
    if wait_gone(match, patience_seconds):
        return True
    send(signal.SIGKILL, match, find(match))
    return wait_gone(match, insist_seconds)


def wait_gone(match: Match, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while find(match):
        if time.monotonic() >= deadline:
            return False
        time.sleep(_POLL_SECONDS)
    return True


def _arguments(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")


def _stat_fields(pid: int) -> list[str]:
    """Fields of /proc/<pid>/stat after the program's name, which may hold anything."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def _has_terminal(pid: int) -> bool:
    """Somebody's shell or pager that looks into the folder is no server."""
    return _stat_fields(pid)[4] != "0"


def _parent(pid: int) -> int:
    try:
        return int(_stat_fields(pid)[1])
    except OSError:
        return 0


def _is_below(path: str, roots: Iterable[str]) -> bool:
    return any(path == root or path.startswith(f"{root}/") for root in roots)


def _mentions(argument: str, roots: Iterable[str]) -> bool:
    """``/root/…`` or ``--option=/root/…``."""
    return _is_below(argument, roots) or _is_below(argument.partition("=")[2], roots)
