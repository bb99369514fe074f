import pytest
from django.db import OperationalError
from prometheus_client import REGISTRY

from dbaas.conductor.heartbeats import HeartbeatIntake, LastSeen
from guestagent.protocol.envelope import now_ms
from guestagent.protocol.reports import CommandFinished, Heartbeat, Outcome
from guestagent.protocol.types import DatastoreStatus
from tests.unit.dbaas.conductor.conftest import Recorder
from tests.unit.guestagent.protocol.guests import FakeGuest


def beat(guest: FakeGuest, version: str = "1", **changes: object) -> str:
    report = Heartbeat(datastore_status=DatastoreStatus.HEALTHY, agent_version=version)
    return guest.seal(report, is_signed=False, **changes)


def refusals(reason: str) -> float:
    return REGISTRY.get_sample_value("dbaas_reports_refused_total", {"reason": reason}) or 0.0


def test_only_the_newest_of_each_guest_is_handled(
    recorder: Recorder, guest: FakeGuest, other: FakeGuest
) -> None:
    batch = [beat(guest, "old"), beat(other, "other"), beat(guest, "new")]
    assert HeartbeatIntake().take_in([batch[2], batch[0], batch[1]]) == 2
    (handled,) = recorder.batches
    assert {sender.instance_id: report.agent_version for sender, report in handled} == {
        guest.instance_id: "new",
        other.instance_id: "other",
    }


def test_forged_header_does_not_hide_the_beat_of_its_victim(
    recorder: Recorder, guest: FakeGuest, other: FakeGuest
) -> None:
    forged = beat(other, instance_id=guest.instance_id, sequence=2**62)
    before = refusals("tag")
    assert HeartbeatIntake().take_in([forged, beat(guest, "true")]) == 1
    ((_, report),) = recorder.batches[0]
    assert report.agent_version == "true"
    assert refusals("tag") == before + 1


def test_beat_is_not_played_again(recorder: Recorder, guest: FakeGuest) -> None:
    intake = HeartbeatIntake()
    old, new = beat(guest), beat(guest)
    intake.take_in([new])
    assert intake.take_in([new]) == 0
    assert intake.take_in([old]) == 0
    assert intake.take_in([beat(guest)]) == 1


def test_beat_that_could_not_be_handled_may_come_again(recorder: Recorder, guest: FakeGuest) -> None:
    intake, envelope = HeartbeatIntake(), beat(guest)
    recorder.error = OperationalError()
    with pytest.raises(OperationalError):
        intake.take_in([envelope])
    recorder.error = None
    assert intake.take_in([envelope]) == 1


def test_refused_beats_take_nothing_from_the_others(recorder: Recorder, guest: FakeGuest) -> None:
    finished = CommandFinished(command_id="c", outcome=Outcome.SUCCEEDED)
    batch = [
        "", "junk", beat(FakeGuest()), beat(guest, sent_at_ms=now_ms() - 3_600_000), beat(guest, sequence=-1),
        guest.seal(finished), beat(guest, message_id="\x00"), beat(guest, "good"),
    ]  # fmt: skip
    assert HeartbeatIntake().take_in(batch) == 1
    assert recorder.batches[0][0][1].agent_version == "good"


def test_old_beat_is_refused(recorder: Recorder, guest: FakeGuest) -> None:
    before = refusals("expired")
    assert HeartbeatIntake().take_in([beat(guest, sent_at_ms=now_ms() - 3_600_000)]) == 0
    assert refusals("expired") == before + 1


def test_memory_ends_so_that_a_guest_that_lost_its_counter_is_heard_again(guest: FakeGuest) -> None:
    now = [0.0]
    last_seen = LastSeen(10, clock=lambda: now[0])
    from dbaas.conductor.intake import sender_of

    last_seen.note([sender_of(guest.header(sequence=1000))])
    assert not last_seen.is_newer(guest.instance_id, 1)
    now[0] = 11.0
    assert last_seen.is_newer(guest.instance_id, 1)
    last_seen.forget_old()
    assert last_seen._last == {}
