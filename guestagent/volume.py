"""How full the volume is."""

import os
import time
from pathlib import Path
from typing import Final, NamedTuple

from guestagent.errors import GuestError
from guestagent.system import tools

#: Counting a folder may take this part of the time, and is done this often at most and at least.
_COUNTING_SHARE: Final = 0.005
_SHORTEST_PAUSE_SECONDS: Final = 2.0
_LONGEST_PAUSE_SECONDS: Final = 30.0
#: Growing writes the headers of new block groups only, but on a slow disk.
_GROWING_SECONDS: Final = 300.0
_MOUNTS: Final = Path("/proc/self/mountinfo")


class VolumeUse(NamedTuple):
    """`total_bytes` is None for a plain directory, which has no size of its own."""

    used_bytes: int
    total_bytes: int | None


class Volume:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._counted = VolumeUse(0, None)
        self._count_again_at = float("-inf")

    def use(self) -> VolumeUse | None:
        """Of a volume of its own, what its file system says; of a directory, counted now and then."""
        try:
            if self._path.is_mount():
                status = os.statvfs(self._path)
                used = (status.f_blocks - status.f_bfree) * status.f_frsize
                return VolumeUse(used, status.f_blocks * status.f_frsize)
            if time.monotonic() >= self._count_again_at:
                self._count()
        except OSError:
            return None
        return self._counted

    def _count(self) -> None:
        began = time.monotonic()
        self._counted = VolumeUse(directory_bytes(self._path), None)
        ended = time.monotonic()
        pause = min(max((ended - began) / _COUNTING_SHARE, _SHORTEST_PAUSE_SECONDS), _LONGEST_PAUSE_SECONDS)
        self._count_again_at = ended + pause


def grow_file_system(path: Path) -> None:
    """Have the ext file system mounted at `path` fill its device; a directory, or a full one, is left alone.

    Raises GuestError.
    """
    device = _device_of(path)
    if device is None:
        return
    result = tools.run(["resize2fs", device], timeout_seconds=_GROWING_SECONDS)
    if result.exit_code != 0:
        said = result.stderr.decode(errors="replace").strip().splitlines()[-1:]
        raise GuestError(f"The file system did not grow: {''.join(said)[:300]}", code="volume_failed")


def _device_of(path: Path) -> str | None:
    """Of an ext file system that is mounted there."""
    for line in _MOUNTS.read_text().splitlines():
        place, _, source = line.partition(" - ")
        if place.split()[4] == str(path) and source.startswith("ext"):
            return source.split()[1]
    return None


def directory_bytes(top: Path) -> int:
    """Space that files take on disk; what disappears while counting counts for nothing."""
    total = 0
    for folder, _, names in os.walk(top):
        for name in names:
            try:
                total += os.lstat(f"{folder}/{name}").st_blocks * 512
            except OSError:
                continue
    return total
