import pytest

from dbaas.worker import health


@pytest.fixture(autouse=True)
def nothing_watched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "_watched", {})


def test_worker_that_is_starting_is_not_well() -> None:
    assert health.report() == (False, {})


def test_one_part_that_is_not_well_is_named() -> None:
    health.watch("consumer", lambda: True)
    assert health.report() == (True, {"consumer": "ok"})
    health.watch("heartbeats", lambda: False)
    assert health.report() == (False, {"consumer": "ok", "heartbeats": "not working"})


def test_pulse_is_well_while_it_beats() -> None:
    pulse = health.Pulse(within_seconds=1000)
    assert not pulse.is_well()
    pulse.beat()
    assert pulse.is_well()
    assert not health.Pulse(within_seconds=0).is_well()
