"""Volumes that are really as large as they say: an ext4 file system in a file, mounted through a loop device.

The provider makes, grows and removes the file; the host daemon mounts it before it starts an agent, so that
it is mounted again after a reboot, and unmounts it when the agent and its database are down. All of it can be
repeated at any point: what is mounted is asked of the kernel, and a loop device goes when its mount goes.
"""

import fcntl
import os
import re
import struct
import subprocess
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Final

from instances.providers.base import Refused, Transient

GB: Final = 1024**3
_TOOL_SECONDS: Final = 60.0
_MKFS: Final = (
    # Tables are written when they are first needed: this takes milliseconds. Nothing is kept for root.
    "mkfs.ext4", "-q", "-F", "-m", "0", "-E", "lazy_itable_init=1,lazy_journal_init=1,nodiscard",
)  # fmt: skip
_TOOLS: Final = ("mkfs.ext4", "e2fsck", "resize2fs", "mount", "umount", "losetup")
_FOLDERS: Final = ("/usr/sbin", "/usr/bin", "/sbin", "/bin")
_LOOP_CTL_GET_FREE: Final = 0x4C82
_EXT_MAGIC: Final = 0xEF53
_CAP_SYS_RESOURCE: Final = 24


@lru_cache(maxsize=1)
def problem() -> str | None:
    """Why this process cannot have such volumes here; None when it can."""
    if os.geteuid() != 0:
        return "only root can mount file systems"
    missing = [tool for tool in _TOOLS if not any(Path(folder, tool).exists() for folder in _FOLDERS)]
    if missing:
        return f"{', '.join(missing)} is not installed"
    try:
        control = os.open("/dev/loop-control", os.O_RDWR | os.O_CLOEXEC)
        try:
            number = fcntl.ioctl(control, _LOOP_CTL_GET_FREE)
        finally:
            os.close(control)
        os.close(os.open(f"/dev/loop{number}", os.O_RDWR | os.O_CLOEXEC))
    except OSError as error:
        return f"there are no loop devices ({error.strerror})"
    return None


def is_wanted(setting: str) -> bool:
    """What LOCAL_VOLUMES (auto, loop or directory) means here. Raises Refused for loop without them."""
    if setting == "loop" and problem() is not None:
        raise Refused(f"LOCAL_VOLUMES is loop, but {problem()}")
    return setting != "directory" and problem() is None


def make(image: Path, size_gb: int) -> None:
    """A sparse file with an empty file system."""
    descriptor = os.open(image, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        os.ftruncate(descriptor, size_gb * GB)
    finally:
        os.close(descriptor)
    _run([*_MKFS, str(image)])


def mount(image: Path, target: Path) -> None:
    """Mount unless it is mounted, filling a file that grew. Nobody else may do so at the same time."""
    if is_mounted(target):
        return
    if not _is_filled(image):
        _run(["e2fsck", "-f", "-p", str(image)], succeeds_with=(0, 1))  # 1: put right
        _run(["resize2fs", str(image)])
    _run(["mount", "-t", "ext4", "-o", "loop,noatime,nosuid,nodev,noexec", str(image), str(target)])
    target.chmod(0o711)


def grow(image: Path, target: Path, size_gb: int) -> bool:
    """Make the file larger, and the file system in it, or have the next mount do that.

    False when it is mounted and this process may not make mounted ones grow.
    """
    os.truncate(image, max(size_gb * GB, image.stat().st_size))
    device = next((source for mounted, source in _mounts() if mounted == str(target)), None)
    if device is None or _is_filled(image):
        return True
    if not _may_grow_mounted():
        return False
    _run(["losetup", "--set-capacity", device])
    _run(["resize2fs", device])
    return True


def unmount_below(folder: Path) -> bool:
    """Unmount whatever is mounted in `folder`; False when something is still in use."""
    for target in reversed(_mounts_below(folder)):
        try:
            _run(["umount", target])
        except Transient:
            if target in _mounts_below(folder):
                return False
    return True


def is_mounted(target: Path) -> bool:
    return str(target) in (mounted for mounted, _ in _mounts())


def _is_filled(image: Path) -> bool:
    return _file_system_bytes(image) >= image.stat().st_size


def _may_grow_mounted() -> bool:
    """The kernel wants CAP_SYS_RESOURCE for it, which containers seldom have."""
    effective = re.search(r"^CapEff:\s*([0-9a-f]+)$", Path("/proc/self/status").read_text(), re.MULTILINE)
    return effective is not None and bool(int(effective[1], 16) >> _CAP_SYS_RESOURCE & 1)


def _file_system_bytes(image: Path) -> int:
    """How large the file system says it is, in its superblock. Raises Refused when it is none of ours."""
    with image.open("rb") as file:
        file.seek(1024)
        block = file.read(1024)
    blocks, block_size = struct.unpack_from("<I", block, 4)[0], 1024 << struct.unpack_from("<I", block, 24)[0]
    if len(block) < 1024 or struct.unpack_from("<H", block, 56)[0] != _EXT_MAGIC:
        raise Refused(f"{image} does not hold a file system")
    # Block groups that are not whole may be left out at the end.
    return int(blocks) * int(block_size)


def _mounts() -> list[tuple[str, str]]:
    """Mount point and device of every mount, in the order they were made."""
    found = []
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        place, _, source = line.partition(" - ")
        found.append((_unescaped(place.split()[4]), source.split()[1]))
    return found


def _mounts_below(folder: Path) -> list[str]:
    return [mounted for mounted, _ in _mounts() if mounted.startswith(f"{folder}/")]


def _unescaped(text: str) -> str:
    for code, character in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        text = text.replace(code, character)
    return text


def _run(command: Sequence[str], *, succeeds_with: Sequence[int] = (0,)) -> None:
    """Raises Transient: what a volume needs of the system can be tried again."""
    environment = {"PATH": os.pathsep.join(_FOLDERS), "LC_ALL": "C.UTF-8"}
    try:
        done = subprocess.run(
            command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=_TOOL_SECONDS,
            check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Transient(f"{command[0]} did not work: {type(error).__name__}") from error
    if done.returncode not in succeeds_with:
        said = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
        raise Transient(f"{command[0]} ended with {done.returncode}: {''.join(said)[:300]}")
