from collections.abc import Sequence

import pytest

from dbaas.conductor import handlers, keys
from dbaas.conductor.handlers import Sender
from dbaas.conductor.keys import GuestKeys
from guestagent.protocol.reports import CommandFinished, CommandProgressed, Heartbeat, Report
from tests.unit.guestagent.protocol.guests import FakeGuest


class Recorder:
    """Handlers that keep what they were given, and fail when told to."""

    def __init__(self) -> None:
        self.reports: list[tuple[Sender, Report]] = []
        self.batches: list[list[tuple[Sender, Heartbeat]]] = []
        self.error: Exception | None = None

    def take_report(self, sender: Sender, report: Report) -> None:
        if self.error:
            raise self.error
        self.reports.append((sender, report))

    def take_heartbeats(self, beats: Sequence[tuple[Sender, Heartbeat]]) -> None:
        if self.error:
            raise self.error
        self.batches.append(list(beats))


@pytest.fixture
def guest() -> FakeGuest:
    return FakeGuest()


@pytest.fixture
def other() -> FakeGuest:
    return FakeGuest()


@pytest.fixture
def recorder(guest: FakeGuest, other: FakeGuest, monkeypatch: pytest.MonkeyPatch) -> Recorder:
    """The conductor knows two guests, and this is who handles what they say."""
    recorder = Recorder()
    known = {one.instance_id: GuestKeys(one.instance_key, one.public_key) for one in (guest, other)}
    monkeypatch.setattr(keys, "cache", keys.KeyCache())
    monkeypatch.setattr(handlers, "_handlers", {})
    monkeypatch.setattr(handlers, "_heartbeat_handler", [])
    keys.register_source(known.get)
    handlers.register(CommandFinished, recorder.take_report)
    handlers.register(CommandProgressed, recorder.take_report)
    handlers.register_heartbeats(recorder.take_heartbeats)
    return recorder
