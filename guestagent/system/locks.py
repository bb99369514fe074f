"""Locks between processes that a crash cannot leave behind."""

import errno
import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

POLL_SECONDS = 0.02


class LockTimeout(Exception):
    """Somebody else kept the lock for as long as we were willing to wait."""


def open_lock(path: Path) -> int:
    """A descriptor to lock `path` with; not inherited by programs that are started."""
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)


def try_lock(descriptor: int) -> bool:
    """Take the lock if it is free. It is held until every copy of the descriptor is closed."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in {errno.EWOULDBLOCK, errno.EACCES}:
            return False
        raise
    return True


def lock_within(descriptor: int, timeout_seconds: float) -> bool:
    """Take the lock, waiting at most so long. flock itself knows no time limit, hence the poll."""
    deadline = time.monotonic() + timeout_seconds
    while not try_lock(descriptor):
        if time.monotonic() >= deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True


@contextmanager
def file_lock(path: Path, *, timeout_seconds: float) -> Iterator[None]:
    """Hold the lock file at `path`, against threads and processes alike. Raises LockTimeout."""
    descriptor = open_lock(path)
    try:
        if not lock_within(descriptor, timeout_seconds):
            raise LockTimeout(f"{path.name} was not released within {timeout_seconds:g} seconds")
        yield
    finally:
        os.close(descriptor)
