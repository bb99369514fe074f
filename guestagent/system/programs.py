"""Which database programs this host has, by looking."""

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from guestagent.errors import GuestError
from guestagent.system import tools

#: Where distributions put servers: PostgreSQL keeps versions apart, the others have one.
FOLDERS = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/usr/local/pgsql/bin",
    "/usr/local/sbin",
    "/usr/local/bin",
    "/usr/sbin",
    "/usr/bin",
    "/usr/libexec",
)
_VERSION = re.compile(r"\b(\d+(?:\.\d+)+)")


@dataclass(frozen=True, slots=True)
class Program:
    path: Path
    version: str  # in full, e.g. "10.11.19" or "15.13"
    vendor: str  # the line it announces itself with


def find(name: str, *, folders: tuple[str, ...] = FOLDERS) -> list[Program]:
    """Every installed program of this name that tells its version, newest first."""
    found: dict[Path, Program] = {}
    for path in _candidates(name, folders):
        program = _ask(path, path.stat().st_mtime_ns)
        if program is not None:
            found.setdefault(path.resolve(), program)
    return sorted(found.values(), key=lambda program: version_key(program.version), reverse=True)


def find_beside(server: Path, name: str) -> Path | None:
    """A tool that came with `server`: from its own folder, or from bin when the server is in sbin."""
    for folder in (server.parent, server.parent.parent / "bin", server.parent.parent / "sbin"):
        path = folder / name
        if path.is_file():
            return path
    return None


def version_key(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def is_version(version: str, wanted: str) -> bool:
    """True when `version` is `wanted` or a release of it: 10.11.19 is 10.11, 10.1 is not 10.11."""
    return version == wanted or version.startswith(wanted + ".")


def _candidates(name: str, folders: tuple[str, ...]) -> list[Path]:
    root = Path("/")
    paths = [path / name for pattern in folders for path in sorted(root.glob(pattern.lstrip("/")))]
    return [path for path in paths if path.is_file()]


@lru_cache(maxsize=64)
def _ask(path: Path, _changed_ns: int) -> Program | None:
    """What the program says of itself; asked again when its file changes."""
    try:
        result = tools.run([str(path), "--version"], timeout_seconds=10)
    except GuestError:
        return None
    line = result.stdout.decode(errors="replace").strip()
    match = _VERSION.search(line)
    return Program(path, match.group(1), line) if result.exit_code == 0 and match else None
