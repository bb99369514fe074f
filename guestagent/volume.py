"""How full the volume is."""

import os
import time
from pathlib import Path
from typing import Final, NamedTuple

_CACHE_SECONDS: Final = 30.0


class VolumeUse(NamedTuple):
    """`total_bytes` is None for a plain directory, which has no size of its own."""

    used_bytes: int
    total_bytes: int | None


class Volume:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._counted: VolumeUse | None = None
        self._counted_at = float("-inf")

    def use(self) -> VolumeUse | None:
        """The use of a volume of its own, read from the file system; of a directory, counted now and then."""
        try:
            if self._path.is_mount():
                status = os.statvfs(self._path)
                used = (status.f_blocks - status.f_bfree) * status.f_frsize
                return VolumeUse(used, status.f_blocks * status.f_frsize)
            if time.monotonic() - self._counted_at >= _CACHE_SECONDS:
                self._counted = VolumeUse(_directory_bytes(self._path), None)
                self._counted_at = time.monotonic()
        except OSError:
            return None
        return self._counted


def _directory_bytes(top: Path) -> int:
    """Space that files take on disk; what disappears while counting counts for nothing."""
    total = 0
    for folder, _, names in os.walk(top):
        for name in names:
            try:
                total += os.lstat(f"{folder}/{name}").st_blocks * 512
            except OSError:
                continue
    return total
