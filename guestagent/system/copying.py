"""Copies of whole trees."""

from pathlib import Path
from typing import Final

from guestagent.errors import EngineFailed
from guestagent.system import tools

#: A disk writes some 50 MB in a second, and data directories may be large.
COPY_TIMEOUT_SECONDS: Final = 1800.0


def copy_tree(source: Path, copy: Path, *, timeout_seconds: float = COPY_TIMEOUT_SECONDS) -> None:
    """Copy a tree, owners included, to a place where nothing is. Raises EngineFailed, EngineTimeout.

    cp shares blocks where the file system can (reflink) and copies inside the kernel where it can't.
    """
    command = ["cp", "-a", "--reflink=auto", str(source), str(copy)]
    result = tools.run(command, timeout_seconds=timeout_seconds)
    if result.exit_code != 0:
        raise EngineFailed("The data directory could not be copied: is the volume full?")
