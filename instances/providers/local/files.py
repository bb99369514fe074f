"""Files that are whole or not there, whenever we are killed; and locks that the kernel gives back."""

import contextlib
import fcntl
import os
import secrets
import struct
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from instances.providers.base import Transient

#: `struct flock` of 64-bit Linux: type, whence, start, length, pid.
_FLOCK: Final = "hhqqi4x"


def write_atomically(path: Path, content: bytes, mode: int = 0o600) -> None:
    """Replace `path` by a file with this content; others see the old one or the new one."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        write_new(temporary, content, mode)
        temporary.rename(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    sync_directory(path.parent)


def write_new(path: Path, content: bytes, mode: int = 0o600) -> None:
    """Write a file that must not exist, to the disk; nobody can read it wider than `mode` at any moment."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def locked(path: Path, *, wait_seconds: float = 5.0) -> Iterator[None]:
    """Be alone among all threads and processes. Raises Transient when that takes too long."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        deadline = time.monotonic() + wait_seconds
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if time.monotonic() >= deadline:
                    raise Transient(f"the lock {path} is held for too long by another process") from error
                time.sleep(0.005)
        yield
    finally:
        os.close(descriptor)


def lock_holder(path: Path) -> int | None:
    """The process that holds a POSIX lock on `path`. The kernel answers, so it is true even after a crash."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        question = struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
        answer = struct.unpack(_FLOCK, fcntl.fcntl(descriptor, fcntl.F_GETLK, question))
    finally:
        os.close(descriptor)
    return int(answer[4]) if answer[0] != fcntl.F_UNLCK else None


def hold(path: Path) -> int | None:
    """Take a POSIX lock for the life of this process: the descriptor to keep, or None when it is taken.

    Such a lock is lost when this process closes any descriptor of the file: do not ask `lock_holder` about
    a lock of one's own.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor


def remove_tree(path: Path, deadline: float) -> bool:
    """Remove a folder and all in it, until `deadline` (monotonic); False when something is left."""
    for folder, directories, names in os.walk(path, topdown=False):
        here = Path(folder)
        for name in names:
            (here / name).unlink(missing_ok=True)
        for name in directories:
            child = here / name
            if child.is_symlink():
                child.unlink(missing_ok=True)
            else:
                _remove_directory(child)
        if time.monotonic() >= deadline:
            return False
    _remove_directory(path)
    return not path.exists()


def _remove_directory(path: Path) -> None:
    # Somebody else may be removing it as well; one that got new content is seen to the next time.
    with contextlib.suppress(OSError):
        path.rmdir()
