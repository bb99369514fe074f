"""Servers, volumes and addresses of this host, as files that the host daemon (`host.py`) makes come true.

The provider only writes what shall be, so it may be killed anywhere: each record is a file or a folder that
appears as a whole. It removes servers itself, so that they can be removed when no daemon runs.
"""

import contextlib
import os
import secrets
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Any, Final

import msgspec

from instances.providers.base import (
    Address,
    GuestPaths,
    Network,
    NetworkSpec,
    NotFound,
    Provider,
    ProviderError,
    Refused,
    Server,
    ServerSpec,
    ServerState,
    Transient,
    Volume,
    VolumeSpec,
    VolumeState,
)
from instances.providers.local import addresses, files, images, layout, poke, processes
from instances.providers.local.layout import (
    Desired,
    Layout,
    NetworkRecord,
    ServerFolder,
    ServerRecord,
    VolumeRecord,
)

_AGENT_START_SECONDS: Final = 1.0
_AGENT_STOP_SECONDS: Final = 1.5
_ENGINE_STOP_SECONDS: Final = 1.5
_REMOVE_SECONDS: Final = 1.5
#: An agent that ended so often, each time soon after it was started, will not come up.
_HOPELESS_FAILURES: Final = 5


def build(options: Mapping[str, Any]) -> Provider:
    """From the options `path`, `network`, `uid_base`, `database_uid`, `database_gid` and `volumes`, of which
    the last four may be absent."""
    try:
        network = IPv4Network(str(options["network"]))
    except ValueError as error:
        raise Refused(f"the local network is not an IPv4 network: {error}") from error
    return LocalProvider(
        Path(options["path"]).absolute(),
        network,
        uid_base=int(options.get("uid_base") or 64000),
        database_uid=options.get("database_uid"),
        database_gid=options.get("database_gid"),
        has_images=images.is_wanted(str(options.get("volumes") or "directory")),
    )


@contextlib.contextmanager
def _translated(what: str) -> Iterator[None]:
    """A full or broken disk is tried again; what was written so far is completed or removed then."""
    try:
        yield
    except ProviderError:
        raise
    except (OSError, msgspec.DecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "its record is damaged"
        raise Transient(f"{what}: {reason}") from error


class LocalProvider(Provider):
    name = "local"

    def __init__(
        self,
        path: Path,
        network: IPv4Network,
        *,
        uid_base: int,
        database_uid: int | None,
        database_gid: int | None,
        has_images: bool = False,
    ) -> None:
        self._layout = Layout(path)
        self._network = network
        self._uid_base = uid_base
        self._database_uid = database_uid
        self._database_gid = database_gid
        self._has_images = has_images
        with _translated(f"cannot use {path}"):
            self._layout.create()

    # networks

    def ensure_network(self, spec: NetworkSpec) -> Network:
        with _translated(f"network {spec.name}"), files.locked(self._layout.lock):
            record = self._layout.read_network(spec.name)
            if record is None:
                record = NetworkRecord(name=spec.name, address=str(self._choose_address(spec)))
                files.write_atomically(self._layout.network(spec.name), msgspec.json.encode(record))
        return _to_network(record)

    def get_network(self, name: str) -> Network | None:
        with _translated(f"network {name}"):
            record = self._layout.read_network(name)
        return _to_network(record) if record else None

    def delete_network(self, name: str) -> bool:
        with _translated(f"network {name}"), files.locked(self._layout.lock):
            record = self._layout.read_network(name)
            if record is not None:
                files.remove_tree(self._layout.run(record.address), time.monotonic() + _REMOVE_SECONDS)
            self._layout.network(name).unlink(missing_ok=True)
            files.sync_directory(self._layout.networks)
        return True

    def _choose_address(self, spec: NetworkSpec) -> IPv4Address:
        """Free, and remembered as the last one given out. The caller holds the lock."""
        records = (self._layout.read_network(name) for name in self._network_names())
        taken = {IPv4Address(record.address) for record in records if record}
        memory = self._layout.root / "last-address"
        last = None
        with contextlib.suppress(FileNotFoundError, ValueError):
            last = IPv4Address(memory.read_text())
        address = addresses.choose(self._network, taken, last, spec.tcp_ports)
        files.write_atomically(memory, str(address).encode())
        return address

    def _network_names(self) -> list[str]:
        return sorted(path.stem for path in self._layout.networks.glob("[!.]*.json"))

    # volumes

    def ensure_volume(self, spec: VolumeSpec) -> Volume:
        with _translated(f"volume {spec.name}"):
            record = self._layout.read_volume(spec.name)
            if record is None:
                with layout.new_folder(self._layout.volume(spec.name)) as folder:
                    (folder / "data").mkdir(mode=0o711)
                    if self._has_images:
                        images.make(folder / layout.IMAGE, spec.size_gb)
                    record = VolumeRecord(name=spec.name, size_gb=spec.size_gb, has_image=self._has_images)
                    files.write_new(folder / "volume.json", msgspec.json.encode(record))
            return self._existing_volume(spec.name)

    def get_volume(self, name: str) -> Volume | None:
        with _translated(f"volume {name}"):
            record = self._layout.read_volume(name)
        return _to_volume(record) if record else None

    def resize_volume(self, name: str, size_gb: int) -> Volume:
        """A directory is only said to be larger."""
        has_grown = True
        with _translated(f"volume {name}"):
            record = self._layout.read_volume(name)
            if record is None:
                raise NotFound(f"volume {name} does not exist")
            folder = self._layout.volume(name)
            if record.has_image:
                has_grown = images.grow(folder / layout.IMAGE, folder / "data", size_gb)
            if size_gb > record.size_gb:
                record = msgspec.structs.replace(record, size_gb=size_gb)
                files.write_atomically(folder / "volume.json", msgspec.json.encode(record))
        volume = _to_volume(record)
        return volume if has_grown else replace(volume, state=VolumeState.GROWS_WHEN_FREE)

    def delete_volume(self, name: str) -> bool:
        with _translated(f"volume {name}"):
            if not all(map(images.unmount_below, layout.folders_of(self._layout.volume(name)))):
                return False
            return layout.remove_folder(self._layout.volume(name), time.monotonic() + _REMOVE_SECONDS)

    def _existing_volume(self, name: str) -> Volume:
        record = self._layout.read_volume(name)
        if record is None:
            raise Transient(f"volume {name} was removed while it was made")
        return _to_volume(record)

    # servers

    def guest_paths(self, server_name: str, volume: Volume | None) -> GuestPaths:
        """The network of the same name must exist: the user that the database runs as follows from it."""
        folder = self._layout.server(server_name)
        data = self._layout.volume(volume.name) / "data" if volume else folder.path / "data"
        uid, gid = self._database_user(server_name)
        network = self.get_network(server_name)
        return GuestPaths(
            data_path=str(data),
            state_path=str(folder.state),
            run_path=str(self._layout.run(network.listen_address)) if network else None,
            template_path=str(self._layout.templates),
            database_uid=uid,
            database_gid=gid,
        )

    def _database_user(self, name: str) -> tuple[int | None, int | None]:
        if self._database_uid is not None:
            return self._database_uid, self._database_gid
        if os.geteuid() != 0:
            return None, None  # an ordinary user can start programs only as itself
        addresses.require_passage(self._layout.root)
        network = self.get_network(name)
        if network is None:
            raise NotFound(f"network {name} does not exist")
        uid = addresses.user_id(self._network, IPv4Address(network.listen_address), self._uid_base)
        return uid, uid if self._database_gid is None else self._database_gid

    def ensure_server(self, spec: ServerSpec) -> Server:
        self._require_host()
        folder = self._layout.server(spec.name)
        with _translated(f"server {spec.name}"):
            record = folder.record()
            if record is None:
                self._make_server(folder, spec)
            elif record.desired is Desired.DELETED:
                raise Transient(f"server {spec.name} is being deleted")
            self._refresh_config(folder, spec.guest_config)
            poke.send(self._layout)
            deadline = time.monotonic() + _AGENT_START_SECONDS
            while (
                server := self._server(folder)
            ).state is ServerState.BUILDING and time.monotonic() < deadline:
                time.sleep(0.01)
        return server

    def _make_server(self, folder: ServerFolder, spec: ServerSpec) -> None:
        paths = self.guest_paths(spec.name, spec.volume)
        record = ServerRecord(
            name=spec.name,
            desired=Desired.RUNNING,
            data_path=paths.data_path,
            state_path=paths.state_path,
            database_uid=paths.database_uid,
            volume=spec.volume.name if spec.volume else None,
        )
        with layout.new_folder(folder.path) as path:
            (path / "state").mkdir(mode=0o711)
            if spec.volume is None:
                (path / "data").mkdir(mode=0o711)
            files.write_new(path / "guest.json", spec.guest_config)
            files.write_new(path / "server.json", msgspec.json.encode(record))

    def _refresh_config(self, folder: ServerFolder, config: bytes) -> None:
        """A repeated call may bring new keys; the agent reads them when the host has started it again."""
        with files.locked(self._layout.lock):
            try:
                is_current = folder.guest_config.read_bytes() == config
            except FileNotFoundError as error:
                raise Transient("it was removed while it was made") from error
            if is_current:
                return
            files.write_atomically(folder.guest_config, config)
        agent = processes.is_agent_of(folder)
        processes.end(agent, ask=signal.SIGTERM, patience_seconds=_AGENT_STOP_SECONDS)

    def get_server(self, name: str) -> Server | None:
        folder = self._layout.server(name)
        with _translated(f"server {name}"):
            return self._server(folder) if folder.record() else None

    def _server(self, folder: ServerFolder) -> Server:
        record, status = folder.record(), folder.status()
        if record is None:
            raise Transient("it was removed meanwhile")
        agent_runs = files.lock_holder(folder.agent_lock) is not None
        fault = None
        if record.desired is Desired.STOPPED:
            state = ServerState.BUILDING if agent_runs or status.state != "stopped" else ServerState.STOPPED
        elif record.reboot != status.rebooted:
            state = ServerState.BUILDING
        elif agent_runs:
            state = ServerState.ACTIVE
        elif status.failures >= _HOPELESS_FAILURES:
            state, fault = ServerState.ERROR, status.fault
        else:
            state = ServerState.BUILDING
        return Server(id=record.name, name=record.name, state=state, fault=fault)

    def reboot_server(self, name: str) -> None:
        """Restart agent and engine. One that is under way already is not asked for again."""
        self._require_host()
        with self._changing(name) as (folder, record):
            if record.reboot == folder.status().rebooted:
                token = secrets.token_hex(8)
                folder.write_record(msgspec.structs.replace(record, reboot=token, desired=Desired.RUNNING))

    def start_server(self, name: str) -> None:
        self._require_host()
        with self._changing(name) as (folder, record):
            if record.desired is not Desired.RUNNING:
                folder.write_record(msgspec.structs.replace(record, desired=Desired.RUNNING))

    def stop_server(self, name: str) -> None:
        self._require_host()
        with self._changing(name) as (folder, record):
            if record.desired is not Desired.STOPPED:
                folder.write_record(msgspec.structs.replace(record, desired=Desired.STOPPED))

    def resize_server(self, name: str, *, flavor_id: str, ram_mb: int, vcpus: int) -> None:
        """What the next agent is told; the one that runs hears of it by a command."""
        with self._changing(name) as (folder, _):
            config = msgspec.json.decode(folder.guest_config.read_bytes(), type=dict[str, Any])
            config |= {"memory_mb": ram_mb, "vcpus": vcpus}
            files.write_atomically(folder.guest_config, msgspec.json.encode(config))

    @contextlib.contextmanager
    def _changing(self, name: str) -> Iterator[tuple[ServerFolder, ServerRecord]]:
        folder = self._layout.server(name)
        with _translated(f"server {name}"):
            with files.locked(self._layout.lock):
                record = folder.record()
                if record is None or record.desired is Desired.DELETED:
                    raise NotFound(f"server {name} does not exist")
                yield folder, record
            poke.send(self._layout)

    def delete_server(self, name: str) -> bool:
        folder = self._layout.server(name)
        with _translated(f"server {name}"):
            with files.locked(self._layout.lock):
                record = folder.record()
                if record is not None and record.desired is not Desired.DELETED:
                    record = msgspec.structs.replace(record, desired=Desired.DELETED)
                    folder.write_record(record)
            if not _end_processes(folder, record):
                return False
            return layout.remove_folder(folder.path, time.monotonic() + _REMOVE_SECONDS)

    def _require_host(self) -> None:
        if files.lock_holder(self._layout.host_lock) is None:
            raise Transient(
                f"the host daemon does not run: start python -m instances.providers.local.host "
                f"--path {self._layout.root}"
            )

    # enumeration

    def list_resources(self) -> Mapping[str, Sequence[str]]:
        with _translated("listing resources"):
            return {
                "server": layout.resource_names(self._layout.servers),
                "volume": layout.resource_names(self._layout.volumes),
                "network": self._network_names(),
            }


def _end_processes(folder: ServerFolder, record: ServerRecord | None) -> bool:
    """First the agent, which would start the engine again. SIGQUIT is every engine's quickest clean end."""
    agent = processes.is_agent_of(folder)
    if not processes.end(agent, ask=signal.SIGTERM, patience_seconds=_AGENT_STOP_SECONDS, insist_seconds=0.5):
        return False
    if record is None:
        return True
    engine = processes.is_engine_of(record)
    return processes.end(
        engine, ask=signal.SIGQUIT, patience_seconds=_ENGINE_STOP_SECONDS, insist_seconds=0.5
    )


def _to_network(record: NetworkRecord) -> Network:
    return Network(name=record.name, addresses=(Address(record.address),))


def _to_volume(record: VolumeRecord) -> Volume:
    return Volume(id=record.name, name=record.name, size_gb=record.size_gb, state=VolumeState.AVAILABLE)
