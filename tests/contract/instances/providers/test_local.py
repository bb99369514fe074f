"""What only the local provider promises: whatever is killed, nothing is lost or left, and nobody else hit."""

import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest

from guestagent.protocol import crypto
from instances.providers.base import ProviderError, Refused, ServerState, Transient, VolumeSpec
from instances.providers.local import processes
from instances.providers.local.layout import Desired
from instances.providers.local.provider import build
from tests.contract.instances.providers.conftest import Cloud
from tests.contract.instances.providers.local_host import LocalHost, eventually, passable_folder

KILLED = 77
FILE_EVENTS = ("os.rename", "os.mkdir", "os.remove", "os.rmdir", "os.truncate")
is_root = os.geteuid() == 0


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    with passable_folder() as folder, LocalHost(folder / "local") as local:
        yield Cloud(build({"path": local.path, "network": "127.79.0.0/16", "uid_base": 64000}), local)


def active(cloud: Cloud, name: str = "srv") -> int:
    cloud.server(name)
    return int(eventually(lambda: cloud.local.agent_pid(name), what="an agent"))


def engine(cloud: Cloud, name: str = "srv", *, prelude: str = "") -> int:
    """A process that looks like the database server of this one."""
    record = cloud.local.layout.server(name).record()
    assert record is not None
    process = subprocess.Popen(
        [
            "/bin/bash",
            "-c",
            f'{prelude} echo up; exec -a "$1" /bin/sleep 600',
            "sh",
            f"--datadir={record.data_path}/x",
        ],
        stdout=subprocess.PIPE,
        start_new_session=True,
        cwd="/",
        user=record.database_uid if is_root else None,
    )
    assert process.stdout is not None
    process.stdout.readline()
    return process.pid


def is_alive(pid: int) -> bool:
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False


def dying_at(event_number: int, root: Path, call: Callable[[], Any]) -> int:
    """Run `call` in a child that is killed just before its n-th touch of the provider's files."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    seen = 0

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal seen
        is_change = event in FILE_EVENTS or (event == "open" and arguments[2] & (os.O_WRONLY | os.O_RDWR))
        if is_change and str(arguments[0]).startswith(str(root)):
            seen += 1
            if seen == event_number:
                os._exit(KILLED)

    sys.addaudithook(hook)
    try:
        call()
    except BaseException:
        os._exit(1)
    os._exit(0)


class TestKilledAnywhere:
    @pytest.mark.parametrize("kind", ["network", "volume", "server"])
    def test_making_is_completed_and_deleting_leaves_nothing(self, cloud: Cloud, kind: str) -> None:
        """Killed before every touch of a file in turn; then either made complete, or removed."""
        make, delete = self._verbs(cloud, kind)
        for number in range(1, 400):
            made = dying_at(number, cloud.local.path, make)
            assert made in {0, KILLED}
            if number % 2:
                make()
            assert eventually(delete)
            assert not cloud.provider.list_resources()[kind], f"left by a death before touch {number}"
            if made == 0:
                assert number > 3
                return
        pytest.fail("never got to the end")

    @pytest.mark.parametrize("kind", ["network", "volume", "server"])
    def test_deleting_is_completed(self, cloud: Cloud, kind: str) -> None:
        make, delete = self._verbs(cloud, kind)
        for number in range(1, 400):
            make()
            deleted = dying_at(number, cloud.local.path, delete)
            assert deleted in {0, KILLED}
            assert eventually(delete)
            assert not cloud.provider.list_resources()[kind], f"left by a death before touch {number}"
            if deleted == 0:
                assert number > 1
                return
        pytest.fail("never got to the end")

    def _verbs(self, cloud: Cloud, kind: str) -> tuple[Callable[[], Any], Callable[[], bool]]:
        provider = cloud.provider
        if kind == "network":
            spec = cloud.network_spec("net")
            return lambda: provider.ensure_network(spec), lambda: provider.delete_network("net")
        if kind == "volume":
            volume = VolumeSpec(name="vol", size_gb=1)
            return lambda: provider.ensure_volume(volume), lambda: provider.delete_volume("vol")
        server = cloud.server_spec("srv")
        return lambda: provider.ensure_server(server), lambda: provider.delete_server("srv")


class TestAgents:
    def test_a_killed_agent_is_started_again(self, cloud: Cloud) -> None:
        first = active(cloud)
        os.kill(first, signal.SIGKILL)
        eventually(lambda: cloud.local.agent_pid("srv") not in {None, first}, what="another agent")

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
    def test_agents_outlive_the_daemon_and_the_next_one_adopts_them(self, cloud: Cloud, number: int) -> None:
        first = active(cloud)
        cloud.local.end(number)
        cloud.local.start()
        active(cloud, "other")  # the new daemon has looked at everything
        assert cloud.local.agent_pid("srv") == first
        assert cloud.local.agents("srv") == [first]
        os.kill(first, signal.SIGKILL)
        eventually(lambda: cloud.local.agent_pid("srv") not in {None, first}, what="another agent")

    def test_a_killed_daemon_and_a_killed_agent_come_back(self, cloud: Cloud) -> None:
        """As after a reboot: records of processes that are not there any more."""
        first = active(cloud)
        cloud.local.end(signal.SIGKILL)
        os.kill(first, signal.SIGKILL)
        eventually(lambda: cloud.local.agent_pid("srv") is None)
        cloud.local.start()
        eventually(lambda: cloud.local.agent_pid("srv"), what="an agent")

    def test_a_second_daemon_is_turned_away(self, cloud: Cloud) -> None:
        assert cloud.local.run("run").returncode == os.EX_TEMPFAIL

    def test_an_agent_that_cannot_start_shows_as_an_error(self, cloud: Cloud) -> None:
        spec = replace(cloud.server_spec("srv"), guest_config=b"{}")
        cloud.provider.ensure_server(spec)

        def look() -> bool:
            server = cloud.provider.get_server("srv")
            return server is not None and server.state is ServerState.ERROR and "78" in (server.fault or "")

        eventually(look, what="an error")

    def test_a_changed_configuration_reaches_the_agent(self, cloud: Cloud) -> None:
        first = active(cloud)
        changed = cloud.server_spec("srv", agent_key=crypto.generate_key())
        cloud.provider.ensure_server(changed)
        eventually(lambda: cloud.local.agent_pid("srv") not in {None, first}, what="another agent")
        assert cloud.local.layout.server("srv").guest_config.read_bytes() == changed.guest_config

    def test_an_agent_knows_only_what_it_needs(self, cloud: Cloud) -> None:
        environment = Path(f"/proc/{active(cloud)}/environ").read_bytes()
        assert b"PLANTED_SECRET" not in environment
        folder = cloud.local.layout.server("srv")
        assert stat.S_IMODE(folder.guest_config.stat().st_mode) == 0o600
        assert stat.S_IMODE(folder.log.stat().st_mode) == 0o600

    def test_a_damaged_status_does_no_harm(self, cloud: Cloud) -> None:
        first = active(cloud)
        cloud.local.end(signal.SIGKILL)
        (cloud.local.layout.server("srv").path / "status.json").write_bytes(b"\0" * 100)
        cloud.local.start()
        active(cloud, "other")
        assert cloud.local.agent_pid("srv") == first


class TestWithoutTheDaemon:
    def test_what_needs_it_says_so(self, cloud: Cloud) -> None:
        active(cloud)
        spec = cloud.server_spec("srv")
        cloud.local.end()
        provider = cloud.provider
        for call in (lambda: provider.ensure_server(spec), lambda: provider.reboot_server("srv")):
            with pytest.raises(Transient, match="host daemon does not run"):
                call()

    def test_deleting_works(self, cloud: Cloud) -> None:
        agent, server = active(cloud), engine(cloud)
        cloud.local.end(signal.SIGKILL)
        eventually(lambda: cloud.provider.delete_server("srv"))
        assert not is_alive(agent)
        assert not is_alive(server)


class TestEngines:
    def test_deleting_a_server_ends_its_engine_and_nobody_elses(self, cloud: Cloud) -> None:
        active(cloud)
        active(cloud, "srv2")
        mine, other = engine(cloud), engine(cloud, "srv2")
        bystander = subprocess.Popen(["/bin/sleep", "600"], start_new_session=True)
        began = time.monotonic()
        eventually(lambda: cloud.provider.delete_server("srv"))
        assert time.monotonic() - began < 30
        assert not is_alive(mine)
        assert is_alive(other)
        assert bystander.poll() is None
        bystander.kill()
        bystander.wait(5)

    def test_an_engine_that_does_not_listen_is_killed(self, cloud: Cloud) -> None:
        active(cloud)
        stubborn = engine(cloud, prelude="trap '' QUIT TERM INT;")
        eventually(lambda: cloud.provider.delete_server("srv"))
        assert not is_alive(stubborn)

    def test_a_reboot_gives_another_agent(self, cloud: Cloud) -> None:
        first = active(cloud)
        cloud.provider.reboot_server("srv")
        eventually(lambda: cloud.local.agent_pid("srv") not in {None, first}, what="another agent")
        assert not is_alive(first)

    def test_stop_all_ends_everything_and_the_next_run_brings_it_back(self, cloud: Cloud) -> None:
        agents = [active(cloud), active(cloud, "srv2")]
        done = cloud.local.run("stop-all")
        assert done.returncode == 0, done.stderr
        assert not any(map(is_alive, agents))
        assert cloud.local.daemon is not None
        assert cloud.local.daemon.wait(10) == 0
        cloud.local.start()
        for name in ("srv", "srv2"):
            eventually(partial(cloud.local.agent_pid, name), what="an agent")

    def test_status_tells_what_runs(self, cloud: Cloud) -> None:
        pid = active(cloud)
        told = cloud.local.run("status").stdout
        assert f"srv: wanted running, agent process {pid}" in told


class TestAddresses:
    def test_a_released_address_rests(self, cloud: Cloud) -> None:
        first = cloud.provider.ensure_network(cloud.network_spec("one")).listen_address
        cloud.provider.delete_network("one")
        assert cloud.provider.ensure_network(cloud.network_spec("two")).listen_address != first

    def test_a_full_network_says_so(self, tmp_path: Path) -> None:
        provider = build({"path": tmp_path / "p", "network": "127.79.255.0/30"})
        cloud = Cloud(provider, LocalHost(tmp_path / "p"))
        given = [provider.ensure_network(cloud.network_spec(name)).listen_address for name in ("a", "b")]
        assert given == ["127.79.255.1", "127.79.255.2"]
        with pytest.raises(ProviderError, match="all addresses"):
            provider.ensure_network(cloud.network_spec("c"))
        provider.delete_network("a")
        assert provider.ensure_network(cloud.network_spec("c")).listen_address == "127.79.255.1"

    def test_a_network_that_is_none_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(Refused):
            build({"path": tmp_path, "network": "300.1.2.3/8"})

    @pytest.mark.skipif(not is_root, reason="only root can run databases as other users")
    def test_each_instance_has_a_user_of_its_own(self, cloud: Cloud) -> None:
        for name in ("one", "two"):
            cloud.provider.ensure_network(cloud.network_spec(name))
        one, two = (cloud.provider.guest_paths(name, None) for name in ("one", "two"))
        assert one.database_uid is not None
        assert len({one.database_uid, two.database_uid, os.geteuid()}) == 3
        assert one.database_gid == one.database_uid

    def test_a_given_user_is_used(self, tmp_path: Path) -> None:
        options = {
            "path": tmp_path / "p",
            "network": "127.79.0.0/16",
            "database_uid": 4711,
            "database_gid": 4712,
        }
        paths = build(options).guest_paths("srv", None)
        assert (paths.database_uid, paths.database_gid) == (4711, 4712)


def test_a_path_too_long_for_a_socket_is_no_hindrance() -> None:
    with passable_folder() as folder:
        path = folder / ("deep" * 20) / ("deeper" * 10) / "local"
        path.parent.mkdir(parents=True)
        with LocalHost(path) as local:
            active(Cloud(build({"path": local.path, "network": "127.79.0.0/16"}), local))


def test_a_server_deleted_while_its_record_says_running_is_not_started(cloud: Cloud) -> None:
    active(cloud)
    folder = cloud.local.layout.server("srv")
    record = folder.record()
    assert record is not None
    folder.write_record(msgspec.structs.replace(record, desired=Desired.DELETED))
    processes.end(processes.is_agent_of(folder), ask=signal.SIGKILL, patience_seconds=5)
    active(cloud, "other")  # the daemon has looked at everything since
    assert cloud.local.agents("srv") == []
