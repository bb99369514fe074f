"""A server's life: made, started, stopped, killed, and looked after by one agent after another."""

import os
import signal
import threading
from pathlib import Path

import msgspec
import pytest

from guestagent.engines.server import ServerManager
from guestagent.errors import EngineFailed, EngineNotReady, GuestError
from guestagent.protocol.secret import Secret
from guestagent.protocol.types import DatabaseSpec, DatastoreStatus, UserSpec
from guestagent.system.processes import ProcessIdentity, holders_of, leaders_of
from tests.contract.guestagent.engines.guest import DENIED, NAMELESS_UID, Guest

PASSWORD = "a right Password 1"


def running(guest: Guest) -> ProcessIdentity:
    """The one server process of this guest."""
    servers = leaders_of(guest.folder / "state/engine/runtime/server.lock")
    assert len(servers) == 1, f"{len(servers)} servers run"
    return servers[0]


def with_tenant(guest: Guest) -> ServerManager:
    manager = guest.manager()
    manager.prepare({})
    manager.create_databases([DatabaseSpec(name="shop")])
    manager.create_users([UserSpec(name="ann", password=Secret(PASSWORD), databases=("shop",))])
    with guest.login("ann", PASSWORD, "shop") as ann:
        ann.run("CREATE TABLE t (a INT)", "INSERT INTO t VALUES (42)")
    return manager


def assert_data_is_there(guest: Guest) -> None:
    with guest.login("ann", PASSWORD, "shop") as ann:
        assert ann.value("SELECT a FROM t") == 42


def test_prepare_makes_a_healthy_server_of_the_asked_version(own_guest: Guest) -> None:
    manager = own_guest.manager()
    assert not manager.is_prepared()
    assert manager.probe().status == DatastoreStatus.NEW

    manager.prepare({})

    probe = manager.probe()
    assert manager.is_prepared()
    assert probe.status == DatastoreStatus.HEALTHY
    assert probe.version is not None
    assert probe.version.startswith(own_guest.version + ".")


def test_preparing_again_changes_nothing(own_guest: Guest) -> None:
    with_tenant(own_guest)
    before = running(own_guest)
    own_guest.manager().prepare({"max_connections": 33})
    assert running(own_guest) == before
    assert_data_is_there(own_guest)


def test_data_survives_stop_and_start(own_guest: Guest) -> None:
    manager = with_tenant(own_guest)
    manager.stop(60)
    assert manager.probe().status == DatastoreStatus.SHUTDOWN
    manager.stop(60)  # once more is success
    manager.start()
    manager.start()
    assert_data_is_there(own_guest)


def test_a_killed_server_is_seen_and_started_again(own_guest: Guest) -> None:
    manager = with_tenant(own_guest)
    before = running(own_guest)
    before.send(signal.SIGKILL)
    assert before.wait(30)

    assert not manager.runtime.is_running()
    assert manager.probe().status == DatastoreStatus.SHUTDOWN
    manager.start()

    assert running(own_guest) != before
    assert_data_is_there(own_guest)


def test_a_frozen_server_is_blocked_and_can_be_stopped(own_guest: Guest) -> None:
    manager = own_guest.manager()
    manager.prepare({})
    server = running(own_guest)
    server.send(signal.SIGSTOP)
    assert manager.probe().status == DatastoreStatus.BLOCKED
    manager.stop(0.2)
    assert not server.is_alive
    assert holders_of(own_guest.folder / "state/engine/runtime/server.lock") == []


def test_another_agent_adopts_the_server(own_guest: Guest) -> None:
    with_tenant(own_guest)
    before = running(own_guest)
    successor = own_guest.manager()
    assert successor.runtime.is_running()
    successor.start()
    assert running(own_guest) == before
    successor.stop(60)
    assert not before.is_alive


def test_a_server_that_was_never_recorded_is_found(own_guest: Guest) -> None:
    """The agent died between starting the server and writing down which process it is."""
    own_guest.manager().prepare({})
    (own_guest.folder / "state/engine/runtime/server.json").unlink()
    server = running(own_guest)

    successor = own_guest.manager()
    assert successor.runtime.is_running()
    successor.start()
    assert running(own_guest) == server
    successor.stop(60)
    assert not server.is_alive


def test_a_stale_record_kills_no_stranger(own_guest: Guest) -> None:
    """The id in the record belongs to another process now: to this one."""
    manager = own_guest.manager()
    manager.prepare({})
    manager.stop(60)
    me = ProcessIdentity.of(os.getpid())
    assert me is not None
    record = own_guest.folder / "state/engine/runtime/server.json"
    for stranger in (
        msgspec.structs.replace(me, started_ticks=me.started_ticks - 1),
        msgspec.structs.replace(me, boot_id="of an earlier boot"),
    ):
        record.write_bytes(msgspec.json.encode(stranger))
        assert not manager.runtime.is_running()
        manager.stop(5)
    record.write_text("not a record")
    manager.start()
    assert manager.probe().status == DatastoreStatus.HEALTHY


def test_two_agents_that_start_at_once_start_one_server(own_guest: Guest) -> None:
    own_guest.manager().prepare({})
    own_guest.manager().stop(60)
    failures: list[GuestError] = []

    def start() -> None:
        try:
            own_guest.manager().start()
        except GuestError as error:
            failures.append(error)

    agents = [threading.Thread(target=start) for _ in range(4)]
    for agent in agents:
        agent.start()
    for agent in agents:
        agent.join(60)
    assert failures == []
    running(own_guest)


def test_two_agents_that_prepare_at_once_make_one_server(own_guest: Guest) -> None:
    agents = [threading.Thread(target=lambda: own_guest.manager().prepare({})) for _ in range(3)]
    for agent in agents:
        agent.start()
    for agent in agents:
        agent.join(90)
    running(own_guest)
    assert own_guest.manager().probe().status == DatastoreStatus.HEALTHY


def test_nothing_is_started_before_it_is_prepared(own_guest: Guest) -> None:
    with pytest.raises(EngineNotReady):
        own_guest.manager().start()


def test_a_server_that_cannot_start_says_why_and_is_gone(own_guest: Guest) -> None:
    other = Guest(own_guest.engine, own_guest.version, own_guest.folder / "other", own_guest.templates)
    other.address = own_guest.address
    own_guest.manager().prepare({})
    other.folder.mkdir()
    try:
        with pytest.raises(EngineFailed, match=r"(?i)address already in use|could not bind|TCP/IP"):
            other.manager().prepare({})
        assert not other.manager().runtime.is_running()
    finally:
        other.manager().runtime.stop(timeout_seconds=0)


def test_overrides_hold_and_memory_follows_the_flavor(own_guest: Guest) -> None:
    manager = own_guest.manager()
    manager.prepare({"max_connections": 77})
    manager.enable_root(Secret(PASSWORD))
    cache = "innodb_buffer_pool_size" if own_guest.has_hosts else "shared_buffers"
    ask = f"SELECT @@{cache}" if own_guest.has_hosts else f"SELECT pg_size_bytes(current_setting('{cache}'))"
    with own_guest.login("root", PASSWORD) as root:
        small = root.value(ask)
    manager.stop(60)

    own_guest.memory_mb = 1024
    own_guest.manager().start()

    with own_guest.login("root", PASSWORD) as root:
        assert root.value(ask) > 2 * small
        shown = "SELECT @@max_connections" if own_guest.has_hosts else "SHOW max_connections"
        assert int(root.value(shown)) == 77


def test_an_override_can_neither_break_out_nor_take_over(own_guest: Guest) -> None:
    manager = own_guest.manager()
    with pytest.raises(GuestError) as refused:
        manager.prepare({"max_connections": "5\nport = 1"})
    assert refused.value.code == "invalid_parameter"
    assert not manager.runtime.is_running()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can run the server as somebody else")
def test_the_server_and_its_data_belong_to_the_database_user(own_guest: Guest) -> None:
    own_guest.manager().prepare({})
    status = Path(f"/proc/{running(own_guest).pid}/status").read_text()
    ids = {line.split(":")[0]: line.split()[1:] for line in status.splitlines() if ":" in line}
    assert set(ids["Uid"]) == {str(NAMELESS_UID)} == set(ids["Gid"])
    assert ids.get("Groups", []) == []
    owners = {path.lstat().st_uid for path in (own_guest.folder / "volume").rglob("*")}
    assert owners == {NAMELESS_UID}


def test_the_server_has_nothing_of_the_agents(own_guest: Guest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_SECRET_OF_THE_AGENT", "planted")
    with (own_guest.folder / "private").open("w") as private:
        os.set_inheritable(private.fileno(), False)
        own_guest.manager().prepare({})
        process = Path(f"/proc/{running(own_guest).pid}")
        assert b"planted" not in (process / "environ").read_bytes()
        assert not any("private" in str(entry.readlink()) for entry in (process / "fd").iterdir())
        assert os.getsid(int(process.name)) == int(process.name)


def test_another_engines_data_is_never_touched(own_guest: Guest) -> None:
    """A data directory that is there is complete: prepare takes it as it is."""
    with_tenant(own_guest).stop(60)
    (own_guest.folder / "volume/data.partial").mkdir()
    own_guest.manager().prepare({})
    assert_data_is_there(own_guest)
    with pytest.raises(DENIED), own_guest.login("ann", "wrong", "shop"):
        pass
