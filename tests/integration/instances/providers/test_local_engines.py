"""The standalone shape below the control plane: provider, host daemon, agent and real database servers."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pymysql
import pytest

from guestagent.engines import registry
from guestagent.protocol.commands import CreateUsers, PrepareDatastore, RestartDatastore, StopDatastore
from guestagent.protocol.guest_config import encode_guest_config
from guestagent.protocol.reports import CommandFinished, Outcome
from guestagent.protocol.secret import Secret
from guestagent.protocol.types import DatabaseSpec, UserSpec
from instances.providers.base import NetworkSpec, Provider, ServerSpec, VolumeSpec
from instances.providers.local import processes
from instances.providers.local.provider import build
from tests.contract.instances.providers.local_host import LocalHost, passable_folder
from tests.integration.guestagent.bench import Guest, eventually, virtual_host

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]

VERSIONS = registry.host_versions()
ENGINES = [name for name in ("mariadb", "postgresql") if name in VERSIONS]
PASSWORD = "a-password-9d3f"


class Instance:
    """What the control plane makes of a request for an instance, by hand."""

    def __init__(self, engine: str, provider: Provider, guest: Guest) -> None:
        self.engine = engine
        self.provider = provider
        self.guest = guest
        self.address = guest.config.listen_address

    def prepare(self) -> CommandFinished:
        user = UserSpec(name="app", password=Secret(PASSWORD), databases=("shop",))
        command = PrepareDatastore(databases=(DatabaseSpec(name="shop"),), users=(user,))
        report = self.guest.outcome(self.guest.send(command))
        assert report.outcome is Outcome.SUCCEEDED, report.error_message
        return report

    def sql(self, statement: str) -> list[tuple[Any, ...]]:
        """Run it as a customer does: over TCP, with the password."""
        if self.engine == "postgresql":
            target = f"host={self.address} dbname=shop user=app password={PASSWORD} connect_timeout=5"
            with psycopg.connect(target, autocommit=True) as connection:
                cursor = connection.execute(statement.encode())
                return cursor.fetchall() if cursor.description else []
        with (
            pymysql.connect(
                host=self.address,
                user="app",
                password=PASSWORD,
                database="shop",
                autocommit=True,
                connect_timeout=5,
            ) as mysql,
            mysql.cursor() as rows,
        ):
            rows.execute(statement)
            return list(rows.fetchall())

    def answers(self) -> bool:
        try:
            return self.sql("SELECT count(*) FROM fruit") == [(1,)]
        except (pymysql.Error, psycopg.Error):
            return False

    def engine_pids(self, local: LocalHost) -> list[int]:
        return processes.find(engine_of(local))


@contextmanager
def instance_of(engine: str, folder: Path, local: LocalHost) -> Iterator[Instance]:
    provider = build({"path": local.path, "network": "127.79.0.0/16"})
    spec = registry.load_spec(engine)
    network = provider.ensure_network(NetworkSpec(name="srv", tcp_ports=spec.tcp_ports))
    volume = provider.ensure_volume(VolumeSpec(name="srv", size_gb=1))
    paths = provider.guest_paths("srv", volume)
    with virtual_host() as management:
        guest = Guest(
            management,
            folder,
            engine=engine,
            version=VERSIONS[engine][0],
            listen_address=network.listen_address,
            data_path=paths.data_path,
            state_path=paths.state_path,
            template_path=paths.template_path,
            database_uid=paths.database_uid,
            database_gid=paths.database_gid,
        )
        server = ServerSpec(
            name="srv",
            flavor_id="1",
            ram_mb=256,
            vcpus=1,
            image_id=None,
            image_tags=(),
            volume=volume,
            network=network,
            guest_config=encode_guest_config(guest.config),
        )
        provider.ensure_server(server)
        try:
            yield Instance(engine, provider, guest)
        finally:
            guest.clean_up()


@pytest.fixture
def folder() -> Iterator[Path]:
    with passable_folder() as folder:
        yield folder


@pytest.fixture
def local(folder: Path) -> Iterator[LocalHost]:
    with LocalHost(folder / "local") as local:
        yield local


@pytest.fixture(params=ENGINES)
def instance(request: pytest.FixtureRequest, folder: Path, local: LocalHost) -> Iterator[Instance]:
    """Prepared, with a row in it."""
    with instance_of(request.param, folder, local) as instance:
        instance.prepare()
        instance.sql("CREATE TABLE fruit (name varchar(20))")
        instance.sql("INSERT INTO fruit VALUES ('quince')")
        yield instance


def test_it_is_healthy_and_says_which_version_it_is(instance: Instance) -> None:
    beat = instance.guest.await_status("healthy")
    assert beat.engine_version
    assert beat.engine_version.startswith(VERSIONS[instance.engine][0])
    eventually(lambda: instance.guest.await_status("healthy").volume_used_bytes, what="use of the volume")


def test_a_killed_server_is_back_soon_with_its_data(instance: Instance, local: LocalHost) -> None:
    instance.guest.await_status("healthy")
    match = engine_of(local)
    processes.send_to_parents(signal.SIGKILL, match)
    eventually(instance.answers, seconds=60, what="an answer")


def test_nothing_the_agent_or_the_daemon_does_touches_the_server(
    instance: Instance, local: LocalHost
) -> None:
    before = instance.engine_pids(local)
    agent = local.agent_pid("srv")
    assert agent is not None
    os.kill(agent, signal.SIGKILL)
    local.end(signal.SIGKILL)
    local.start()
    eventually(lambda: local.agent_pid("srv") not in {None, agent}, what="another agent")
    user = CreateUsers(users=(UserSpec(name="ann", password=Secret(PASSWORD)),))
    assert instance.guest.outcome(instance.guest.send(user)).outcome is Outcome.SUCCEEDED
    assert instance.answers()
    assert set(before[:1]) <= set(instance.engine_pids(local))


def test_prepare_killed_in_the_middle_is_completed(folder: Path, local: LocalHost) -> None:
    for number, pause in enumerate((0.02, 0.1, 0.3, 0.6)):
        for engine in ENGINES:
            place = folder / f"{engine}-{number}"
            place.mkdir(mode=0o711)
            with instance_of(engine, place, local) as instance:
                command_id = instance.guest.send(PrepareDatastore())
                agent = eventually(lambda: local.agent_pid("srv"), what="an agent")
                eventually(lambda: "command accepted" in agent_log(local), what="acceptance")
                time.sleep(pause)  # not synchronisation: a different place to be killed at
                os.kill(agent, signal.SIGKILL)
                report = instance.guest.outcome(command_id)
                assert report.outcome is Outcome.SUCCEEDED, agent_log(local)
                instance.guest.await_status("healthy")
                remove(instance)


def test_a_reboot_gives_another_server_with_the_same_data(instance: Instance, local: LocalHost) -> None:
    before = set(instance.engine_pids(local))
    instance.provider.reboot_server("srv")
    eventually(lambda: before.isdisjoint(instance.engine_pids(local)) and instance.answers(), seconds=60)


def test_stop_all_stops_cleanly_and_a_new_run_brings_all_back(instance: Instance, local: LocalHost) -> None:
    done = local.run("stop-all")
    assert done.returncode == 0, done.stderr
    assert instance.engine_pids(local) == []
    local.start()
    eventually(instance.answers, seconds=60, what="an answer")


def test_a_server_that_was_stopped_on_request_stays_so_through_it(
    instance: Instance, local: LocalHost
) -> None:
    assert instance.guest.outcome(instance.guest.send(StopDatastore())).outcome is Outcome.SUCCEEDED
    assert local.run("stop-all").returncode == 0
    local.start()
    while instance.guest.heartbeat() is not None:
        pass
    for _ in range(3):
        instance.guest.await_status("shutdown")
    assert instance.engine_pids(local) == []
    assert instance.guest.outcome(instance.guest.send(RestartDatastore())).outcome is Outcome.SUCCEEDED
    assert instance.answers()


def test_deleting_leaves_nothing(instance: Instance, local: LocalHost) -> None:
    match = engine_of(local)
    shared = shared_memory(instance.engine_pids(local))
    remove(instance)
    assert processes.find(match) == []
    assert not any(instance.provider.list_resources().values())
    assert not [path for path in shared if path.exists()]
    assert shared or instance.engine != "postgresql"


def test_passwords_are_nowhere(instance: Instance, local: LocalHost) -> None:
    for path in local.layout.server("srv").path.rglob("*"):
        if path.is_file():
            assert PASSWORD.encode() not in path.read_bytes(), path


def engine_of(local: LocalHost) -> processes.Match:
    record = local.layout.server("srv").record()
    assert record is not None
    return processes.is_engine_of(record)


def shared_memory(pids: list[int]) -> set[Path]:
    """Files in memory that these processes share; they stay when a server is killed the wrong way."""
    lines = [line for pid in pids for line in Path(f"/proc/{pid}/maps").read_text().splitlines()]
    return {Path(line.split()[-1]) for line in lines if "/dev/shm/" in line}  # noqa: S108


def remove(instance: Instance) -> None:
    for delete in (
        instance.provider.delete_server,
        instance.provider.delete_volume,
        instance.provider.delete_network,
    ):
        eventually(partial(delete, "srv"), what="deletion")


def agent_log(local: LocalHost) -> str:
    try:
        return local.layout.server("srv").log.read_text()
    except FileNotFoundError:
        return ""
