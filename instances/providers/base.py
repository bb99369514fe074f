"""What a cloud must do for us. Providers take and return values, never models; they know nothing of Django.

SDK and system errors are translated at this boundary into the five errors below and nowhere else.
"""

import abc
import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


class ProviderError(Exception):
    """Base. The message is fit for an instance's fault: it names the resource and holds no secret."""

    code = "provider_error"
    retryable = False


class NotFound(ProviderError):
    code = "resource_not_found"


class Conflict(ProviderError):
    code = "resource_conflict"


class QuotaExceeded(ProviderError):
    """The cloud's own quota of the service project, not ours."""

    code = "provider_quota_exceeded"


class Transient(ProviderError):
    """Try again later: time-out, connection refused, 5xx."""

    code = "provider_unavailable"
    retryable = True


class Refused(ProviderError):
    """The request will never work as it is."""

    code = "provider_refused"


class ServerState(enum.StrEnum):
    BUILDING = "building"
    ACTIVE = "active"
    STOPPED = "stopped"
    ERROR = "error"


class VolumeState(enum.StrEnum):
    CREATING = "creating"
    AVAILABLE = "available"
    IN_USE = "in_use"
    GROWS_WHEN_FREE = "grows_when_free"  # it is larger once its server was stopped and started
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Address:
    """Where the database is reached. `type` is "private" or "public" as the API shows it."""

    address: str
    type: str = "private"
    network: str | None = None


@dataclass(frozen=True, slots=True)
class NetworkSpec:
    """The ports of one instance. `name` is deterministic: asking twice finds what the first call made."""

    name: str
    tcp_ports: tuple[int, ...]
    nics: Sequence[Mapping[str, str]] = ()
    is_public: bool = False
    allowed_cidrs: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Network:
    name: str
    addresses: tuple[Address, ...]
    port_ids: tuple[str, ...] = ()

    @property
    def listen_address(self) -> str:
        return self.addresses[0].address


@dataclass(frozen=True, slots=True)
class VolumeSpec:
    name: str
    size_gb: int
    type: str | None = None
    availability_zone: str | None = None


@dataclass(frozen=True, slots=True)
class Volume:
    id: str
    name: str
    size_gb: int
    state: VolumeState


@dataclass(frozen=True, slots=True)
class ServerSpec:
    """A server to be. `guest_config` maps file names to contents that the guest agent finds at start."""

    name: str
    flavor_id: str
    ram_mb: int
    vcpus: int
    image_id: str | None
    image_tags: tuple[str, ...]
    volume: Volume | None
    network: Network
    guest_config: bytes = field(repr=False)
    availability_zone: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Server:
    id: str
    name: str
    state: ServerState
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class GuestPaths:
    """Where things are inside a server of this provider; parts of the guest's configuration."""

    data_path: str
    state_path: str
    run_path: str | None
    template_path: str | None
    database_uid: int | None
    database_gid: int | None


class Provider(abc.ABC):
    """A cloud, or this host.

    *Idempotent create* (find by deterministic name before creating; calling again after a crash at any point
    gives the same resource): `ensure_network`, `ensure_volume`, `ensure_server`.
    *Best-effort read* (None when it is not there): `get_server`, `get_volume`, `get_network`.
    *Idempotent change*: `reboot_server`, `start_server`, `stop_server` (which ends the database cleanly),
    `resize_server`, `resize_volume`.
    *Idempotent delete* (missing is success; returns True when it is really gone, False when the cloud is
    still at it and the caller should look again): `delete_server`, `delete_volume`, `delete_network`.
    *Enumeration* (for leftovers and doctors): `list_resources`.

    Every method is bounded in time and raises only `ProviderError`.
    """

    name: str

    @abc.abstractmethod
    def ensure_network(self, spec: NetworkSpec) -> Network: ...

    @abc.abstractmethod
    def ensure_volume(self, spec: VolumeSpec) -> Volume: ...

    @abc.abstractmethod
    def guest_paths(self, server_name: str, volume: Volume | None) -> GuestPaths: ...

    @abc.abstractmethod
    def ensure_server(self, spec: ServerSpec) -> Server: ...

    @abc.abstractmethod
    def get_network(self, name: str) -> Network | None: ...

    @abc.abstractmethod
    def get_volume(self, name: str) -> Volume | None: ...

    @abc.abstractmethod
    def get_server(self, name: str) -> Server | None: ...

    @abc.abstractmethod
    def reboot_server(self, name: str) -> None: ...

    @abc.abstractmethod
    def start_server(self, name: str) -> None: ...

    @abc.abstractmethod
    def stop_server(self, name: str) -> None: ...

    @abc.abstractmethod
    def resize_server(self, name: str, *, flavor_id: str, ram_mb: int, vcpus: int) -> None:
        """Give it this share from now on; `get_server` says BUILDING while the cloud is at it."""

    @abc.abstractmethod
    def resize_volume(self, name: str, size_gb: int) -> Volume:
        """Let it grow, while it is in use if that can be (see `GROWS_WHEN_FREE`); it never shrinks."""

    @abc.abstractmethod
    def delete_server(self, name: str) -> bool: ...

    @abc.abstractmethod
    def delete_volume(self, name: str) -> bool: ...

    @abc.abstractmethod
    def delete_network(self, name: str) -> bool: ...

    @abc.abstractmethod
    def list_resources(self) -> Mapping[str, Sequence[str]]:
        """Names of all resources of ours, by kind: "server", "volume", "network"."""
