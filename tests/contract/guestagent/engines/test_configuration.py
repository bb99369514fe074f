"""Overrides: taken by the running server, waiting for a restart, refused and taken back, killed half-way."""

from dataclasses import dataclass
from typing import Any

import pytest

from guestagent.engines import registry
from guestagent.engines.server import ServerManager
from guestagent.errors import ConfigurationRefused, GuestError
from guestagent.protocol.secret import Secret
from guestagent.protocol.types import DatabaseSpec, DatastoreStatus, UserSpec
from tests.contract.guestagent.engines.guest import Guest

PASSWORD = "a right Password 1"


@dataclass(frozen=True)
class Examples:
    """Parameters of one family: one that can change at any time, one that takes a restart, and bad values."""

    show: str
    dynamic: str
    values: tuple[int, int]
    static: str
    static_value: Any
    refused: dict[str, Any]
    fatal: dict[str, Any]  # taken into the file, and no server starts with it


EXAMPLES = {
    "mysql": Examples(
        show="SELECT @@GLOBAL.{}",
        dynamic="max_connections",
        values=(55, 66),
        static="performance_schema",
        static_value=True,
        refused={"character_set_server": "no such set"},
        fatal={"innodb_page_size": 12345},
    ),
    "postgresql": Examples(
        show="SHOW {}",
        dynamic="deadlock_timeout",
        values=(555, 666),
        static="max_connections",
        static_value=55,
        refused={"work_mem": 1},
        fatal={"shared_preload_libraries": "no_such_library"},
    ),
}


@pytest.fixture
def examples(own_guest: Guest) -> Examples:
    return EXAMPLES[registry.load_spec(own_guest.engine).family]


@pytest.fixture
def started(own_guest: Guest) -> ServerManager:
    manager = own_guest.manager()
    manager.prepare({})
    manager.create_databases([DatabaseSpec(name="shop")])
    manager.create_users([UserSpec(name="ann", password=Secret(PASSWORD), databases=("shop",))])
    return manager


def shown(guest: Guest, examples: Examples, name: str) -> str:
    with guest.login("ann", PASSWORD, "shop") as ann:
        return str(ann.value(examples.show.format(name))).removesuffix("ms")


def test_dynamic_values_come_change_and_go(
    own_guest: Guest, started: ServerManager, examples: Examples
) -> None:
    default = shown(own_guest, examples, examples.dynamic)
    for value in examples.values:
        applied = started.apply_configuration({examples.dynamic: value})
        assert not applied.restart_required
        assert shown(own_guest, examples, examples.dynamic) == str(value)
    assert started.probe().status is DatastoreStatus.HEALTHY

    started.restart(60)
    assert shown(own_guest, examples, examples.dynamic) == str(examples.values[1])

    started.apply_configuration({})
    assert shown(own_guest, examples, examples.dynamic) == default


def test_static_values_wait_for_a_restart(
    own_guest: Guest, started: ServerManager, examples: Examples
) -> None:
    before = shown(own_guest, examples, examples.static)
    overrides = {examples.static: examples.static_value, examples.dynamic: examples.values[0]}
    applied = started.apply_configuration(overrides)
    assert applied.waiting == (examples.static,)
    assert started.probe().status is DatastoreStatus.RESTART_REQUIRED
    assert shown(own_guest, examples, examples.static) == before
    assert shown(own_guest, examples, examples.dynamic) == str(examples.values[0])

    own_guest.manager().restart(60)
    assert shown(own_guest, examples, examples.static) == str(int(examples.static_value))
    assert started.probe().status is DatastoreStatus.HEALTHY


def test_taking_a_waiting_value_back_needs_no_restart(started: ServerManager, examples: Examples) -> None:
    assert started.apply_configuration({examples.static: examples.static_value}).restart_required
    assert not started.apply_configuration({}).restart_required
    assert started.probe().status is DatastoreStatus.HEALTHY


def test_a_refused_value_is_taken_back(own_guest: Guest, started: ServerManager, examples: Examples) -> None:
    started.apply_configuration({examples.dynamic: examples.values[0]})
    with pytest.raises(ConfigurationRefused) as refused:
        started.apply_configuration({examples.dynamic: examples.values[1], **examples.refused})
    assert next(iter(examples.refused)) in str(refused.value)
    assert shown(own_guest, examples, examples.dynamic) == str(examples.values[0])

    started.restart(60)
    assert shown(own_guest, examples, examples.dynamic) == str(examples.values[0])
    assert started.probe().status is DatastoreStatus.HEALTHY


def test_a_server_that_does_not_start_with_new_values_starts_with_those_before(
    own_guest: Guest, started: ServerManager, examples: Examples
) -> None:
    started.apply_configuration({examples.dynamic: examples.values[0]})
    name, value = next(iter(examples.fatal.items()))
    assert started.apply_configuration({name: value, examples.dynamic: 77}).restart_required
    with pytest.raises(ConfigurationRefused):
        started.restart(60)
    assert started.probe().status is DatastoreStatus.HEALTHY
    assert shown(own_guest, examples, examples.dynamic) == str(examples.values[0])
    started.restart(60)


def test_what_is_fixed_cannot_be_overridden(started: ServerManager) -> None:
    with pytest.raises(GuestError) as refused:
        started.apply_configuration({"port": 7})
    assert refused.value.code == "invalid_parameter"


@pytest.mark.parametrize("moment", ["_configure", "_apply_live"])
def test_killed_half_way_and_run_again(
    own_guest: Guest,
    started: ServerManager,
    examples: Examples,
    moment: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A change that is cut off is done again, and can still be taken back to what was before it."""
    started.apply_configuration({examples.dynamic: examples.values[0]})
    bad = {examples.dynamic: examples.values[1], **examples.refused}

    def die(*args: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(started, moment, die)
        with pytest.raises(KeyboardInterrupt):
            started.apply_configuration(bad)

    again = own_guest.manager()
    with pytest.raises(ConfigurationRefused):
        again.apply_configuration(bad)
    assert shown(own_guest, examples, examples.dynamic) == str(examples.values[0])
    again.apply_configuration({examples.dynamic: examples.values[1]})
    assert shown(own_guest, examples, examples.dynamic) == str(examples.values[1])


def test_a_stopped_server_takes_them_when_it_starts(
    own_guest: Guest, started: ServerManager, examples: Examples
) -> None:
    started.stop(60)
    started.apply_configuration({examples.dynamic: examples.values[0]})
    started.start()
    assert shown(own_guest, examples, examples.dynamic) == str(examples.values[0])
    assert started.probe().status is DatastoreStatus.HEALTHY
