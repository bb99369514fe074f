"""Volumes with a file system of their own: full when full, growing, back after a reboot, gone when gone."""

import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from instances.providers.base import Server, ServerState, VolumeSpec, VolumeState
from instances.providers.local import images, processes
from instances.providers.local.layout import IMAGE
from instances.providers.local.provider import LocalProvider, build
from tests.contract.instances.providers.conftest import Cloud
from tests.contract.instances.providers.local_host import LocalHost, eventually, passable_folder
from tests.contract.instances.providers.test_local import KILLED, active, dying_at

pytestmark = pytest.mark.skipif(images.problem() is not None, reason=f"here {images.problem()}")
MB = 1024 * 1024


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    with passable_folder() as folder, LocalHost(folder / "local") as local:
        options = {"path": local.path, "network": "127.79.0.0/16", "uid_base": 64000, "volumes": "loop"}
        yield Cloud(build(options), local)


def data_of(cloud: Cloud, name: str = "srv") -> Path:
    return cloud.local.layout.volume(name) / "data"


def server_with_volume(cloud: Cloud, name: str = "srv") -> Server:
    volume = cloud.provider.ensure_volume(VolumeSpec(name=name, size_gb=1))
    spec = cloud.server_spec(name)
    server = cloud.provider.ensure_server(replace(spec, volume=volume))
    eventually(lambda: cloud.local.agent_pid(name), what="an agent")
    return server


def stop(cloud: Cloud) -> None:
    cloud.provider.stop_server("srv")

    def is_stopped() -> bool:
        server = cloud.provider.get_server("srv")
        return server is not None and server.state is ServerState.STOPPED

    eventually(is_stopped, what="the stop")


def total_mb(path: Path) -> int:
    status = os.statvfs(path)
    return status.f_blocks * status.f_frsize // MB


def loop_devices(cloud: Cloud) -> list[str]:
    files = Path("/sys/block").glob("loop*/loop/backing_file")
    return [path.read_text() for path in files if str(cloud.local.path) in path.read_text()]


def test_a_volume_is_mounted_before_its_agent_runs_and_is_as_large_as_it_says(cloud: Cloud) -> None:
    server_with_volume(cloud)
    assert images.is_mounted(data_of(cloud))
    assert 900 < total_mb(data_of(cloud)) <= 1024


def test_it_is_really_full_when_it_is_full_and_grows(cloud: Cloud) -> None:
    server_with_volume(cloud)
    heap = data_of(cloud) / "heap"
    with heap.open("wb") as file, pytest.raises(OSError, match="No space left"):
        os.posix_fallocate(file.fileno(), 0, 1100 * MB)
    grown = cloud.provider.resize_volume("srv", 2)
    assert grown.size_gb == 2
    if grown.state is VolumeState.GROWS_WHEN_FREE:  # we may not do it while it is mounted
        heap.unlink(missing_ok=True)
        stop(cloud)
        cloud.provider.start_server("srv")
        eventually(lambda: cloud.local.agent_pid("srv"), what="an agent")
    assert cloud.provider.resize_volume("srv", 2).state is VolumeState.AVAILABLE
    assert total_mb(data_of(cloud)) > 1900
    with heap.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, 1100 * MB)
    assert cloud.provider.resize_volume("srv", 1).size_gb == 2


def test_it_is_mounted_again_after_a_reboot_and_what_grew_unmounted_is_as_large(cloud: Cloud) -> None:
    server_with_volume(cloud)
    (data_of(cloud) / "kept").write_text("kept")
    cloud.local.end(signal.SIGKILL)
    folder = cloud.local.layout.server("srv")
    processes.end(processes.is_agent_of(folder), ask=signal.SIGKILL, patience_seconds=5)
    assert images.unmount_below(cloud.local.layout.volumes)
    cloud.provider.resize_volume("srv", 2)
    cloud.local.start()
    eventually(lambda: cloud.local.agent_pid("srv"), what="an agent")
    assert (data_of(cloud) / "kept").read_text() == "kept"
    assert total_mb(data_of(cloud)) > 1900


def test_a_stopped_server_leaves_it_unmounted(cloud: Cloud) -> None:
    server_with_volume(cloud)
    provider = cloud.provider
    stop(cloud)
    assert not images.is_mounted(data_of(cloud))
    provider.start_server("srv")
    eventually(lambda: cloud.local.agent_pid("srv"), what="an agent")
    assert images.is_mounted(data_of(cloud))
    assert cloud.local.run("stop-all").returncode == 0
    assert not loop_devices(cloud)


def test_deleting_waits_for_who_uses_it_and_leaves_nothing(cloud: Cloud) -> None:
    server_with_volume(cloud)
    assert eventually(lambda: cloud.provider.delete_server("srv"))
    with (data_of(cloud) / "open").open("w"):
        assert cloud.provider.delete_volume("srv") is False
    assert eventually(lambda: cloud.provider.delete_volume("srv"))
    assert not cloud.provider.list_resources()["volume"]
    assert not loop_devices(cloud)


def test_killed_anywhere_making_is_completed_and_deleting_leaves_nothing(cloud: Cloud) -> None:
    spec = VolumeSpec(name="vol", size_gb=1)
    for number in range(1, 60):
        made = dying_at(number, cloud.local.path, lambda: cloud.provider.ensure_volume(spec))
        cloud.provider.ensure_volume(spec)
        folder = cloud.local.layout.volume("vol")
        images.mount(folder / IMAGE, folder / "data")
        deleted = dying_at(number, cloud.local.path, lambda: cloud.provider.delete_volume("vol"))
        assert {made, deleted} <= {0, KILLED}
        assert eventually(lambda: cloud.provider.delete_volume("vol"))
        assert not cloud.provider.list_resources()["volume"], f"left by a death before touch {number}"
        assert not loop_devices(cloud)
        if made == deleted == 0:
            return
    pytest.fail("never got to the end")


def test_a_volume_that_cannot_be_mounted_shows_as_an_error(cloud: Cloud) -> None:
    volume = cloud.provider.ensure_volume(VolumeSpec(name="srv", size_gb=1))
    (cloud.local.layout.volume("srv") / IMAGE).write_bytes(b"\0" * MB)
    cloud.provider.ensure_server(replace(cloud.server_spec("srv"), volume=volume))

    def look() -> bool:
        server = cloud.provider.get_server("srv")
        return server is not None and server.state is ServerState.ERROR and "mounted" in (server.fault or "")

    eventually(look, what="an error")


def test_directories_stay_directories(cloud: Cloud) -> None:
    """What was made before the setting changed is used as it is."""
    plain = build({"path": cloud.local.path, "network": "127.79.0.0/16", "uid_base": 64000})
    assert isinstance(plain, LocalProvider)
    plain.ensure_volume(VolumeSpec(name="old", size_gb=1))
    again = cloud.provider.ensure_volume(VolumeSpec(name="old", size_gb=1))
    assert cloud.provider.resize_volume("old", 3).size_gb == 3
    assert again.size_gb == 1
    assert not images.is_mounted(data_of(cloud, "old"))
    active(cloud)
    assert eventually(lambda: cloud.provider.delete_volume("old"))
