"""This machine: programs, room, and what the kernel lets us do."""

import importlib.metadata
import ipaddress
import re
import resource
import shutil
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import psutil
from django.conf import settings

from dbaas.common.doctor.findings import Finding, error, ok, warning

_SHARED_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - looked at, not written to
_MEBIBYTE: Final = 1024 * 1024
_MINIMUM_PYTHON: Final = re.compile(r'^requires-python = ">=([0-9.]+)"', re.MULTILINE)
_PIN: Final = re.compile(r"^([A-Za-z0-9_.-]+)(?:\[.*\])?==(\S+)", re.MULTILINE)


def python() -> Iterator[Finding]:
    minimum = _MINIMUM_PYTHON.search((settings.BASE_DIR / "pyproject.toml").read_text())
    version = ".".join(map(str, sys.version_info[:3]))
    if minimum and sys.version_info < tuple(map(int, minimum[1].split("."))):
        yield error(
            "Python", f"{version} is older than {minimum[1]}", "Install it, remove .venv, `make install`."
        )
    else:
        yield ok("Python", version)


def packages() -> Iterator[Finding]:
    wrong = []
    for name in ("guest.txt", "base.txt"):
        for package, wanted in _PIN.findall((settings.BASE_DIR / "requirements" / name).read_text()):
            try:
                installed = importlib.metadata.version(package)
            except importlib.metadata.PackageNotFoundError:
                installed = "missing"
            if installed != wanted:
                wrong.append(f"{package} {installed}, not {wanted}")
    if wrong:
        yield error("Python packages", "; ".join(wrong), "Run `make install`.")
    else:
        yield ok("Python packages", "as pinned")


def engines() -> Iterator[Finding]:
    """The servers that the `process` runtime can start here."""
    if settings.PROVIDER != "local" or settings.LOCAL_RUNTIME != "process":
        return
    from guestagent.engines import registry

    for engine in registry.names():
        if versions := registry.find_versions(engine):
            yield ok(f"Engine {engine}", ", ".join(versions))
        elif engine != "mysql":  # Debian has no MySQL server: nothing is wrong without it
            yield warning(f"Engine {engine}", "its programs are not on this machine", "Run `make install`.")


def loopback() -> Iterator[Finding]:
    """Each instance listens on an address of its own in LOCAL_NETWORK."""
    if settings.PROVIDER != "local":
        return
    network = ipaddress.ip_network(settings.LOCAL_NETWORK)
    for address in (network[1], network[-2]):
        try:
            with socket.socket() as listener:
                listener.bind((str(address), 0))
        except OSError as problem:
            yield error(
                "Loopback network",
                f"{address} of LOCAL_NETWORK {network} cannot be used: {problem.strerror}",
                "Is the interface `lo` up, with 127.0.0.1/8? Or choose another network inside 127.0.0.0/8.",
            )
            return
    yield ok("Loopback network", str(network))


def disk_space() -> Iterator[Finding]:
    folder = next(
        path for path in (Path(settings.LOCAL_PATH), *Path(settings.LOCAL_PATH).parents) if path.exists()
    )
    free = shutil.disk_usage(folder).free // _MEBIBYTE
    mend = f"Make room on the file system of {folder}, or set LOCAL_PATH."
    if free < 500:
        yield error("Disk space", f"{free} MB are free", mend)
    elif free < 5000:
        yield warning("Disk space", f"{free} MB are free", mend)
    else:
        yield ok("Disk space", f"{free // 1024} GB are free")


def memory() -> Iterator[Finding]:
    available = psutil.virtual_memory().available // _MEBIBYTE
    if available < 500:
        yield warning("Memory", f"{available} MB are available", "Stop something, or use a bigger machine.")
    else:
        yield ok("Memory", f"{available} MB are available")


def shared_memory() -> Iterator[Finding]:
    """PostgreSQL keeps its dynamic shared memory there, whatever user it runs as."""
    mode = _SHARED_MEMORY.stat().st_mode if _SHARED_MEMORY.is_dir() else 0
    if mode & 0o003 == 0o003:
        yield ok("Shared memory", f"{_SHARED_MEMORY} is open to all users")
    else:
        mend = f"As root: mount -t tmpfs -o mode=1777 tmpfs {_SHARED_MEMORY}"
        yield error("Shared memory", f"database servers cannot write to {_SHARED_MEMORY}", mend)


def open_files() -> Iterator[Finding]:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < 1024:
        yield warning("Open files", f"the limit is {soft}", "Raise it: `ulimit -n 4096`.")
    else:
        yield ok("Open files", f"the limit is {soft}")
