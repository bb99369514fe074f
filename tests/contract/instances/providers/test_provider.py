"""What every provider guarantees, whatever cloud it stands for."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from instances.providers.base import NotFound, ProviderError, Refused, ServerState, VolumeSpec
from tests.contract.instances.providers.conftest import Cloud
from tests.contract.instances.providers.local_host import eventually

THREADS = 8


def await_state(cloud: Cloud, name: str, state: ServerState) -> None:
    def look() -> bool:
        server = cloud.provider.get_server(name)
        return server is not None and server.state is state

    eventually(look, what=f"server {name} {state}")


def gone(delete: "object", name: str) -> None:
    assert callable(delete)
    eventually(lambda: delete(name), what=f"{name} deleted")


class TestNetwork:
    def test_asking_twice_gives_the_same(self, cloud: Cloud) -> None:
        first = cloud.provider.ensure_network(cloud.network_spec("net"))
        assert cloud.provider.ensure_network(cloud.network_spec("net")) == first
        assert cloud.provider.get_network("net") == first

    def test_missing_is_none_and_deleting_it_is_success(self, cloud: Cloud) -> None:
        assert cloud.provider.get_network("net") is None
        assert cloud.provider.delete_network("net")

    def test_deleted_is_gone(self, cloud: Cloud) -> None:
        cloud.provider.ensure_network(cloud.network_spec("net"))
        gone(cloud.provider.delete_network, "net")
        assert cloud.provider.get_network("net") is None
        assert not cloud.provider.list_resources()["network"]

    def test_many_at_once_get_addresses_of_their_own(self, cloud: Cloud) -> None:
        specs = [cloud.network_spec(f"net-{number}") for number in range(40)]
        with ThreadPoolExecutor(THREADS) as pool:
            made = list(pool.map(cloud.provider.ensure_network, specs))
        assert len({network.listen_address for network in made}) == len(specs)

    def test_the_same_at_once_is_one(self, cloud: Cloud) -> None:
        with ThreadPoolExecutor(THREADS) as pool:
            made = list(pool.map(cloud.provider.ensure_network, [cloud.network_spec("net")] * THREADS))
        assert len(set(made)) == 1
        assert cloud.provider.list_resources()["network"] == ["net"]


class TestVolume:
    def test_asking_twice_gives_the_same(self, cloud: Cloud) -> None:
        first = cloud.provider.ensure_volume(VolumeSpec(name="vol", size_gb=3))
        assert cloud.provider.ensure_volume(VolumeSpec(name="vol", size_gb=3)) == first
        assert cloud.provider.get_volume("vol") == first
        assert first.size_gb == 3

    def test_missing_is_none_and_deleting_it_is_success(self, cloud: Cloud) -> None:
        assert cloud.provider.get_volume("vol") is None
        assert cloud.provider.delete_volume("vol")

    def test_deleted_is_gone(self, cloud: Cloud) -> None:
        cloud.provider.ensure_volume(VolumeSpec(name="vol", size_gb=1))
        gone(cloud.provider.delete_volume, "vol")
        assert cloud.provider.get_volume("vol") is None
        assert not cloud.provider.list_resources()["volume"]

    def test_the_same_at_once_is_one(self, cloud: Cloud) -> None:
        with ThreadPoolExecutor(THREADS) as pool:
            made = list(pool.map(cloud.provider.ensure_volume, [VolumeSpec(name="vol", size_gb=1)] * THREADS))
        assert len(set(made)) == 1
        assert cloud.provider.list_resources()["volume"] == ["vol"]


class TestServer:
    def test_it_becomes_active_and_asking_twice_gives_the_same(self, cloud: Cloud) -> None:
        spec = cloud.server_spec("srv")
        first = cloud.provider.ensure_server(spec)
        await_state(cloud, "srv", ServerState.ACTIVE)
        assert cloud.provider.ensure_server(spec).id == first.id
        assert cloud.provider.list_resources()["server"] == ["srv"]

    def test_missing_is_none_and_deleting_it_is_success(self, cloud: Cloud) -> None:
        assert cloud.provider.get_server("srv") is None
        assert cloud.provider.delete_server("srv")

    def test_changing_a_missing_one_is_an_error(self, cloud: Cloud) -> None:
        for change in (cloud.provider.reboot_server, cloud.provider.start_server, cloud.provider.stop_server):
            with pytest.raises(NotFound):
                change("srv")

    def test_it_stops_and_starts_and_each_twice_is_once(self, cloud: Cloud) -> None:
        cloud.server("srv")
        await_state(cloud, "srv", ServerState.ACTIVE)
        for _ in range(2):
            cloud.provider.stop_server("srv")
            await_state(cloud, "srv", ServerState.STOPPED)
        for _ in range(2):
            cloud.provider.start_server("srv")
            await_state(cloud, "srv", ServerState.ACTIVE)

    def test_it_reboots(self, cloud: Cloud) -> None:
        cloud.server("srv")
        await_state(cloud, "srv", ServerState.ACTIVE)
        cloud.provider.reboot_server("srv")
        await_state(cloud, "srv", ServerState.ACTIVE)

    def test_deleted_is_gone(self, cloud: Cloud) -> None:
        cloud.server("srv")
        gone(cloud.provider.delete_server, "srv")
        gone(cloud.provider.delete_network, "srv")
        assert cloud.provider.get_server("srv") is None
        assert not any(cloud.provider.list_resources().values())

    def test_the_same_at_once_is_one(self, cloud: Cloud) -> None:
        spec = cloud.server_spec("srv")
        with ThreadPoolExecutor(THREADS) as pool:
            made = list(pool.map(cloud.provider.ensure_server, [spec] * THREADS))
        assert len({server.id for server in made}) == 1
        assert cloud.provider.list_resources()["server"] == ["srv"]

    def test_making_and_deleting_at_once_can_be_finished_by_deleting(self, cloud: Cloud) -> None:
        spec = cloud.server_spec("srv")

        def make() -> None:
            try:
                cloud.provider.ensure_server(spec)
            except ProviderError as error:
                assert error.retryable

        with ThreadPoolExecutor(THREADS) as pool:
            for _ in range(THREADS // 2):
                pool.submit(make)
                pool.submit(cloud.provider.delete_server, "srv")
        gone(cloud.provider.delete_server, "srv")
        assert not cloud.provider.list_resources()["server"]


@pytest.mark.parametrize("name", ["../escape", "", ".hidden", "a/b", "a" * 200, "nul\0"])
def test_names_that_are_not_names_are_refused(cloud: Cloud, name: str) -> None:
    for call in (cloud.provider.get_server, cloud.provider.delete_volume, cloud.provider.delete_server):
        with pytest.raises(Refused):
            call(name)
