"""The agent's configuration file, and the lock that makes it the only agent of its instance."""

import fcntl
import os
import stat
import time
from pathlib import Path
from typing import Final

import msgspec

from guestagent.protocol.guest_config import GuestConfig, decode_guest_config

AGENT_VERSION: Final = "0.1.0"
LOCK_NAME: Final = "agent.lock"


class ConfigError(Exception):
    """The agent cannot start as it was told; the message says why and holds no secret."""


class AlreadyRunning(Exception):
    """Another agent serves this instance."""


def load(path: Path) -> GuestConfig:
    """Read the configuration. Raises ConfigError for a file that others may read or that does not fit."""
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            if status.st_uid not in {0, os.geteuid()}:
                raise ConfigError(f"{path} belongs to another user")
            if stat.S_IMODE(status.st_mode) & 0o077:
                raise ConfigError(f"{path} holds keys and may be read by others: chmod 600 it")
            content = file.read()
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from error
    try:
        return decode_guest_config(content)
    except (msgspec.MsgspecError, ValueError) as error:
        # The decoder names the field, never its value.
        raise ConfigError(f"{path} is not a guest configuration: {error}") from error


def prepare_state_directory(config: GuestConfig) -> Path:
    """The agent's own directory. The database user may pass through it to its sockets, not look around."""
    path = Path(config.state_path)
    path.mkdir(mode=0o711, parents=True, exist_ok=True)
    return path


def hold_lock(state_path: Path, *, wait_seconds: float = 3.0) -> int:
    """Lock `state_path`/agent.lock for the life of this process and return the descriptor to keep.

    A POSIX lock: the kernel tells others who holds it, gives it back however we die, and does not hand it
    down to the database servers we start. Raises AlreadyRunning when it stays taken for `wait_seconds`.
    """
    descriptor = os.open(state_path / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    deadline = time.monotonic() + wait_seconds
    while True:
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if time.monotonic() >= deadline:
                os.close(descriptor)
                raise AlreadyRunning(f"another agent holds {state_path / LOCK_NAME}") from error
            time.sleep(0.05)
        else:
            return descriptor
