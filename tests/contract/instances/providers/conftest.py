"""Every provider, each with a way to have what its servers need running. A new one joins by a row here."""

from collections.abc import Iterator

import pytest

from guestagent.protocol import crypto
from guestagent.protocol.guest_config import GuestConfig, encode_guest_config
from guestagent.protocol.secret import Secret
from instances.providers.base import NetworkSpec, Provider, Server, ServerSpec
from instances.providers.local.provider import build
from tests.contract.instances.providers.local_host import LocalHost, passable_folder

PROVIDERS = ("local",)


class Cloud:
    """A provider, and the specs that its contract is tried with."""

    def __init__(self, provider: Provider, local: LocalHost) -> None:
        self.provider = provider
        self.local = local

    def network_spec(self, name: str) -> NetworkSpec:
        return NetworkSpec(name=name, tcp_ports=(3306,))

    def server_spec(self, name: str, *, agent_key: str = "") -> ServerSpec:
        """With its network made; without a volume, and with a broker that nobody listens on."""
        network = self.provider.ensure_network(self.network_spec(name))
        paths = self.provider.guest_paths(name, None)
        config = GuestConfig(
            instance_id=name,
            project_id="p1",
            engine="mariadb",
            version="10.11",
            broker_url=Secret("amqp://x:y@127.0.0.1:1/none"),
            instance_key=Secret(agent_key or crypto.generate_key()),
            signing_key=Secret(crypto.generate_key()),
            control_public_key=crypto.SigningKey(crypto.generate_key()).public,
            listen_address=network.listen_address,
            memory_mb=256,
            data_path=paths.data_path,
            state_path=paths.state_path,
            database_uid=paths.database_uid,
            database_gid=paths.database_gid,
        )
        return ServerSpec(
            name=name,
            flavor_id="1",
            ram_mb=256,
            vcpus=1,
            image_id=None,
            image_tags=(),
            volume=None,
            network=network,
            guest_config=encode_guest_config(config),
        )

    def server(self, name: str) -> Server:
        return self.provider.ensure_server(self.server_spec(name))


@pytest.fixture(params=PROVIDERS)
def cloud(request: pytest.FixtureRequest) -> Iterator[Cloud]:
    with passable_folder() as folder, LocalHost(folder / "local") as local:
        yield Cloud(build({"path": local.path, "network": "127.79.0.0/16", "uid_base": 64000}), local)
