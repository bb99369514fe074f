"""Another size and another version: proved good, or as it was before; whenever somebody is killed."""

import os
import sys
from pathlib import Path

import pytest

from guestagent.engines.layout import Layout
from guestagent.engines.postgresql.manager import Manager as PostgreSQL
from guestagent.engines.server import ServerManager
from guestagent.engines.upgrade import Upgrader
from guestagent.errors import EngineFailed, GuestError
from guestagent.protocol.secret import Secret
from guestagent.protocol.types import DatastoreStatus
from tests.contract.guestagent.engines.guest import DENIED, Guest
from tests.contract.guestagent.engines.test_server import PASSWORD, assert_data_is_there, running, with_tenant

KILLED = 77


def full_version(manager: ServerManager) -> str:
    """The same release series, named in full: the only other version that every host has."""
    version = manager.probe().version
    assert version is not None
    return version


def on_copy(manager: ServerManager, version: str) -> None:
    """As to another release series, of which hosts seldom have two."""
    Upgrader(manager).run(version, on_copy=True)


def assert_nothing_is_left(guest: Guest) -> None:
    names = {path.name for path in (guest.folder / "volume").iterdir()}
    assert not [name for name in names if name.startswith(("data.", "upgrade"))]


def test_a_resize_is_kept_for_the_next_agent(own_guest: Guest) -> None:
    manager = with_tenant(own_guest)
    manager.enable_root(Secret(PASSWORD))
    cache = "innodb_buffer_pool_size" if own_guest.has_hosts else "shared_buffers"
    ask = f"SELECT @@{cache}" if own_guest.has_hosts else f"SELECT pg_size_bytes(current_setting('{cache}'))"
    with own_guest.login("root", PASSWORD) as root:
        small = root.value(ask)
    manager.resize(1024, 2)
    with own_guest.login("root", PASSWORD) as root:
        large = root.value(ask)
    assert large > 2 * small

    successor = own_guest.manager()
    assert (successor.config.memory_mb, successor.config.vcpus) == (1024, 2)
    successor.restart(60)
    with own_guest.login("root", PASSWORD) as root:
        assert root.value(ask) == large
    successor.resize(own_guest.memory_mb, 1)
    with own_guest.login("root", PASSWORD) as root:
        assert root.value(ask) == small
    assert_data_is_there(own_guest)


@pytest.mark.parametrize("way", [ServerManager.upgrade, on_copy])
def test_an_upgrade_keeps_data_and_accounts_and_is_settled(own_guest: Guest, way: object) -> None:
    manager = with_tenant(own_guest)
    version = full_version(manager)
    assert callable(way)
    way(manager, version)
    assert manager.version == version
    assert_data_is_there(own_guest)
    before = running(own_guest)
    way(manager, version)  # twice
    assert running(own_guest) == before

    manager.settle_upgrade()
    manager.settle_upgrade()
    manager.revert_upgrade()  # too late to mean anything
    assert own_guest.manager().version == version
    assert running(own_guest) == before
    assert_data_is_there(own_guest)
    assert_nothing_is_left(own_guest)


@pytest.mark.parametrize("way", [ServerManager.upgrade, on_copy])
def test_an_upgrade_can_be_taken_back(own_guest: Guest, way: object) -> None:
    manager = with_tenant(own_guest)
    assert callable(way)
    way(manager, full_version(manager))
    manager.revert_upgrade()
    assert manager.version == own_guest.version
    assert manager.probe().status == DatastoreStatus.HEALTHY
    assert_data_is_there(own_guest)
    manager.revert_upgrade()
    assert_nothing_is_left(own_guest)


def test_one_that_does_not_prove_good_is_taken_back(
    own_guest: Guest, monkeypatch: pytest.MonkeyPatch
) -> None:
    manager = with_tenant(own_guest)

    def fail(*_: object) -> None:
        with pytest.raises(DENIED), own_guest.login("ann", PASSWORD, "shop"):
            pytest.fail("users are let in before it has proved good")
        raise EngineFailed("system tables do not fit")

    monkeypatch.setattr(manager, "complete_upgrade", fail)
    for way in (ServerManager.upgrade, on_copy):
        with pytest.raises(EngineFailed, match="do not fit"):
            way(manager, full_version(manager))
        assert manager.version == own_guest.version
        assert_data_is_there(own_guest)
        assert_nothing_is_left(own_guest)


def test_what_cannot_work_is_refused_while_the_server_runs(
    own_guest: Guest, monkeypatch: pytest.MonkeyPatch
) -> None:
    manager = with_tenant(own_guest)
    before = running(own_guest)
    for version in ("99.1", "10.11; rm -rf /"):
        with pytest.raises(GuestError):
            manager.upgrade(version)
    monkeypatch.setattr("guestagent.engines.upgrade._SPARE_BYTES", 1 << 60)
    with pytest.raises(GuestError, match="more free space"):
        on_copy(manager, full_version(manager))
    assert running(own_guest) == before


def test_killed_anywhere_it_goes_back_or_is_proved(own_guest: Guest) -> None:
    """Killed before each rename and each note; the next agent starts the server, or is asked again."""
    manager = with_tenant(own_guest)
    version = full_version(manager)
    deaths = 0
    for number in range(1, 60):
        ended = _dying_at(number, own_guest, version)
        assert ended in {0, KILLED}
        successor = own_guest.manager()
        if number % 2:
            successor.start()
            assert_data_is_there(own_guest)
        on_copy(successor, version)
        assert_data_is_there(own_guest)
        successor.revert_upgrade()
        assert_data_is_there(own_guest)
        assert_nothing_is_left(own_guest)
        if ended == 0:
            break
        deaths += 1
    assert deaths == 4  # the note, the two folders, the proof


def _dying_at(number: int, guest: Guest, version: str) -> int:
    """Upgrade in a child that is killed before its n-th rename in the volume's own folder."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    volume, seen = guest.folder / "volume", 0

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal seen
        if event == "os.rename" and Path(str(arguments[1])).parent == volume:
            seen += 1
            if seen == number:
                os._exit(KILLED)

    sys.addaudithook(hook)
    try:
        on_copy(guest.manager(), version)
    except BaseException:
        os._exit(1)
    os._exit(0)


def test_postgresql_goes_to_another_series_by_transfer(own_guest: Guest) -> None:
    """With the one series that the host has, on both ends."""
    manager = with_tenant(own_guest)
    if not isinstance(manager, PostgreSQL):
        pytest.skip("only PostgreSQL has data that a later series cannot read")
    manager.fill_upgraded = manager.transfer  # type: ignore[method-assign]
    on_copy(manager, full_version(manager))
    assert_data_is_there(own_guest)
    with own_guest.login("ann", PASSWORD, "shop") as ann:
        ann.run("INSERT INTO t VALUES (43)")
    manager.settle_upgrade()
    manager.restart(60)
    assert_data_is_there(own_guest)
    assert_nothing_is_left(own_guest)
    assert Layout.of(own_guest.config).data.stat().st_mode & 0o077 == 0
