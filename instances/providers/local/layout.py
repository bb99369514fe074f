"""What lies where under the provider's path::

    servers/<name>/  server.json   what it shall be (provider writes)     guest.json  0600, secrets
                     status.json   what it is (host daemon writes)        agent.log
                     state/        the guest agent's own, with agent.lock
    run/<address>/   sockets: a short path, because theirs must fit into 107 bytes
    volumes/<name>/  volume.json   data/   volume.img: the file system mounted at data/, where there is one
    networks/<name>.json           templates/    lock    host.lock    host.sock

A folder is filled under a name that starts with ``.new.`` and renamed when it is whole; it is renamed to
``.gone.…`` before it is removed.
"""

import contextlib
import enum
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from instances.providers.base import Refused
from instances.providers.local import files

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")
_HIDDEN: Final = re.compile(r"\.(?:new|gone)\.(?P<name>[A-Za-z0-9_-]+)\.[0-9a-f]{8}")
#: In a volume's folder.
IMAGE: Final = "volume.img"

_Record = TypeVar("_Record", bound=msgspec.Struct)


class Desired(enum.StrEnum):
    RUNNING = "running"
    STOPPED = "stopped"
    DELETED = "deleted"


class ServerRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What a server shall be. `reboot` changes with each request for one."""

    name: str
    desired: Desired
    data_path: str
    state_path: str
    database_uid: int | None
    volume: str | None = None  # its name
    reboot: str = ""


class ServerStatus(msgspec.Struct, frozen=True, kw_only=True):
    """What the host daemon did. `failures` counts agents that ended soon after they were started."""

    state: str = "new"
    pid: int | None = None
    failures: int = 0
    fault: str | None = None
    rebooted: str = ""


class VolumeRecord(msgspec.Struct, frozen=True, kw_only=True):
    """`has_image`: a file system of its own, and not just a directory."""

    name: str
    size_gb: int
    has_image: bool = False


class NetworkRecord(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    address: str


@dataclass(frozen=True, slots=True)
class ServerFolder:
    path: Path

    @property
    def guest_config(self) -> Path:
        return self.path / "guest.json"

    @property
    def log(self) -> Path:
        return self.path / "agent.log"

    @property
    def state(self) -> Path:
        return self.path / "state"

    @property
    def agent_lock(self) -> Path:
        return self.state / "agent.lock"

    def record(self) -> ServerRecord | None:
        return _read(self.path / "server.json", ServerRecord)

    def write_record(self, record: ServerRecord) -> None:
        files.write_atomically(self.path / "server.json", msgspec.json.encode(record))

    def status(self) -> ServerStatus:
        with contextlib.suppress(msgspec.DecodeError):
            return _read(self.path / "status.json", ServerStatus) or ServerStatus()
        return ServerStatus()  # only a hint: the agent's lock is the truth

    def write_status(self, status: ServerStatus) -> None:
        files.write_atomically(self.path / "status.json", msgspec.json.encode(status))


@dataclass(frozen=True, slots=True)
class Layout:
    root: Path

    def create(self) -> None:
        """Make what is missing. Database users may pass through, not look around."""
        self.root.mkdir(mode=0o711, parents=True, exist_ok=True)
        for path in (self.servers, self.volumes, self.networks, self.templates, self.root / "run"):
            path.mkdir(mode=0o711, exist_ok=True)

    def run(self, address: str) -> Path:
        return self.root / "run" / address

    @property
    def servers(self) -> Path:
        return self.root / "servers"

    @property
    def volumes(self) -> Path:
        return self.root / "volumes"

    @property
    def networks(self) -> Path:
        return self.root / "networks"

    @property
    def templates(self) -> Path:
        return self.root / "templates"

    @property
    def lock(self) -> Path:
        """Held, for milliseconds, by whoever changes a record or acts on one."""
        return self.root / "lock"

    @property
    def host_lock(self) -> Path:
        return self.root / "host.lock"

    @property
    def host_socket(self) -> Path:
        return self.root / "host.sock"

    def server(self, name: str) -> ServerFolder:
        return ServerFolder(self.servers / checked(name))

    def volume(self, name: str) -> Path:
        return self.volumes / checked(name)

    def network(self, name: str) -> Path:
        return self.networks / f"{checked(name)}.json"

    def read_volume(self, name: str) -> VolumeRecord | None:
        return _read(self.volume(name) / "volume.json", VolumeRecord)

    def read_network(self, name: str) -> NetworkRecord | None:
        return _read(self.network(name), NetworkRecord)

    def server_names(self) -> list[str]:
        return sorted(path.name for path in self.servers.iterdir() if not path.name.startswith("."))


def checked(name: str) -> str:
    """The name, if it can be a file's; names are ours, so another one is an error of the caller."""
    if not _NAME.fullmatch(name):
        raise Refused(f"{name!r} cannot be the name of a resource")
    return name


@contextlib.contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """A folder to fill, that becomes `path` at the end unless somebody else made that in the meantime."""
    temporary = path.with_name(f".new.{path.name}.{secrets.token_hex(4)}")
    temporary.mkdir(mode=0o711)
    try:
        yield temporary
        files.sync_directory(temporary)
        with contextlib.suppress(OSError):  # "not empty": it exists, and is as good
            temporary.rename(path)
    finally:
        if temporary.exists():
            files.remove_tree(temporary, float("inf"))
    files.sync_directory(path.parent)


def remove_folder(path: Path, deadline: float) -> bool:
    """Remove `path` and what killed makers and removers of it left; False when some of it is left."""
    with contextlib.suppress(FileNotFoundError):
        path.rename(path.with_name(f".gone.{path.name}.{secrets.token_hex(4)}"))
    are_gone = [files.remove_tree(entry, deadline) for entry in folders_of(path) if entry != path]
    return all(are_gone)


def folders_of(path: Path) -> list[Path]:
    """`path`, and what is half made or half removed of it."""
    return [path, *(entry for entry in path.parent.iterdir() if _hidden_name(entry) == path.name)]


def resource_names(folder: Path) -> list[str]:
    """Names of all folders in it, half-made and half-removed ones included."""
    return sorted({_hidden_name(entry) or entry.name for entry in folder.iterdir()})


def _hidden_name(entry: Path) -> str | None:
    found = _HIDDEN.fullmatch(entry.name)
    return found["name"] if found else None


def _read(path: Path, kind: type[_Record]) -> _Record | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (FileNotFoundError, NotADirectoryError):
        return None
