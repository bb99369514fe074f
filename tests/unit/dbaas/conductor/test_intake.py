"""Taking in reports: what is refused and why, what happens twice, late or out of order."""

from typing import Any

import pytest
import structlog
from django.db import OperationalError
from prometheus_client import REGISTRY

from dbaas.common.errors import NotFound
from dbaas.conductor import handlers, intake
from dbaas.conductor.models import ReceivedReport
from guestagent.protocol import crypto
from guestagent.protocol.envelope import Direction, now_ms, seal
from guestagent.protocol.reports import (
    CommandFinished,
    CommandProgressed,
    Heartbeat,
    Outcome,
    encode_report,
)
from guestagent.protocol.types import DatastoreStatus
from tests.unit.dbaas.conductor.conftest import Recorder
from tests.unit.guestagent.protocol.guests import FakeGuest

pytestmark = pytest.mark.django_db

FINISHED = CommandFinished(command_id="c-1", outcome=Outcome.SUCCEEDED, result={"password": "hunter2"})
DAY_MS = 86_400_000


def refusals(reason: str) -> float:
    return REGISTRY.get_sample_value("dbaas_reports_refused_total", {"reason": reason}) or 0.0


def assert_refused(envelope: str, reason: str) -> None:
    before = refusals(reason)
    with structlog.testing.capture_logs() as logs:
        intake.take_in(envelope)
    assert refusals(reason) == before + 1
    assert [line["reason"] for line in logs if line["event"] == "report_refused"] == [reason]
    assert "hunter2" not in str(logs)


def test_report_reaches_its_handler_once_with_its_sender(recorder: Recorder, guest: FakeGuest) -> None:
    intake.take_in(guest.seal(FINISHED))
    ((sender, report),) = recorder.reports
    assert (sender.instance_id, sender.sequence, report) == (guest.instance_id, 1, FINISHED)
    assert sender.sent_at.tzinfo is not None


def test_duplicate_is_dropped(recorder: Recorder, guest: FakeGuest) -> None:
    envelope = guest.seal(FINISHED)
    intake.take_in(envelope)
    assert_refused(envelope, "replay")
    assert len(recorder.reports) == 1


def test_report_sent_again_under_a_new_number_is_dropped(recorder: Recorder, guest: FakeGuest) -> None:
    intake.take_in(guest.seal(FINISHED, message_id="same"))
    assert_refused(guest.seal(FINISHED, message_id="same"), "replay")


def test_message_id_of_another_guest_is_no_duplicate(
    recorder: Recorder, guest: FakeGuest, other: FakeGuest
) -> None:
    intake.take_in(other.seal(FINISHED, message_id="same"))
    intake.take_in(guest.seal(FINISHED, message_id="same"))
    assert len(recorder.reports) == 2


def test_reports_out_of_order_are_all_handled(recorder: Recorder, guest: FakeGuest) -> None:
    first, second = guest.seal(FINISHED), guest.seal(FINISHED)
    intake.take_in(second)
    intake.take_in(first)
    assert [sender.sequence for sender, _ in recorder.reports] == [2, 1]


def test_progress_that_was_overtaken_is_dropped(recorder: Recorder, guest: FakeGuest) -> None:
    late = guest.seal(CommandProgressed(command_id="c-1", percent=10))
    intake.take_in(guest.seal(CommandProgressed(command_id="c-1", percent=20)))
    assert_refused(late, "replay")
    assert len(recorder.reports) == 1


def test_handler_that_fails_leaves_nothing_and_may_try_again(recorder: Recorder, guest: FakeGuest) -> None:
    envelope = guest.seal(FINISHED)
    recorder.error = OperationalError("the database is away")
    with pytest.raises(OperationalError):
        intake.take_in(envelope)
    assert not ReceivedReport.objects.exists()
    recorder.error = None
    intake.take_in(envelope)
    assert len(recorder.reports) == 1


def test_handler_that_knows_no_such_instance_refuses(recorder: Recorder, guest: FakeGuest) -> None:
    recorder.error = NotFound("deleted")
    assert_refused(guest.seal(FINISHED), "unknown_instance")
    assert not ReceivedReport.objects.exists()


def test_instance_without_keys_is_refused(recorder: Recorder) -> None:
    assert_refused(FakeGuest().seal(FINISHED), "unknown_instance")


@pytest.mark.parametrize(
    "instance_id", ["", "x" * 5000, "\x00", "' OR 1=1", "6A1C9F0E-53C1-4C3E-9D0A-2F6F8F6F1B11"]
)
def test_what_is_no_instance_id_is_refused(recorder: Recorder, guest: FakeGuest, instance_id: str) -> None:
    assert_refused(guest.seal(FINISHED, instance_id=instance_id), "unknown_instance")


def test_guest_cannot_report_for_another(recorder: Recorder, guest: FakeGuest, other: FakeGuest) -> None:
    # It can write any id into the header, and has its own keys only.
    assert_refused(other.seal(FINISHED, instance_id=guest.instance_id), "tag")


def test_key_alone_is_not_enough_to_report(recorder: Recorder, guest: FakeGuest, other: FakeGuest) -> None:
    # Were another's key known, its signature would still be missing.
    forged = seal(
        guest.header(),
        encode_report(FINISHED),
        instance_key=guest.instance_key,
        signing_key=other.signing_key,
    )
    assert_refused(forged, "signature")


def test_unsigned_report_is_refused(recorder: Recorder, guest: FakeGuest) -> None:
    assert_refused(guest.seal(FINISHED, is_signed=False), "unsigned")


def test_command_is_not_a_report(recorder: Recorder, guest: FakeGuest) -> None:
    assert_refused(guest.seal(FINISHED, direction=Direction.COMMAND), "direction")


def test_old_report_is_refused(recorder: Recorder, guest: FakeGuest) -> None:
    assert_refused(guest.seal(FINISHED, sent_at_ms=now_ms() - DAY_MS - 1000), "expired")


def test_report_from_the_future_is_refused(recorder: Recorder, guest: FakeGuest) -> None:
    assert_refused(guest.seal(FINISHED, sent_at_ms=now_ms() + DAY_MS), "from_the_future")


def test_unknown_version_is_refused(recorder: Recorder, guest: FakeGuest) -> None:
    assert_refused(guest.seal(FINISHED, version=9), "version")


def test_junk_is_refused(recorder: Recorder) -> None:
    assert_refused("junk", "malformed")


def test_kind_in_the_header_must_be_that_of_the_payload(recorder: Recorder, guest: FakeGuest) -> None:
    assert_refused(guest.seal(FINISHED, kind="command_progressed"), "kind")


def test_unreadable_payload_is_refused(recorder: Recorder, guest: FakeGuest) -> None:
    assert_refused(guest.seal_payload(guest.header(), b'{"kind": "hunter2"}'), "kind")
    assert_refused(guest.seal_payload(guest.header(), b"[" * 100_000), "kind")


def test_kind_that_nobody_handles_is_refused(
    recorder: Recorder, guest: FakeGuest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handlers, "_handlers", {})
    assert_refused(guest.seal(FINISHED), "kind")


def test_heartbeat_in_the_queue_of_reports_is_refused(recorder: Recorder, guest: FakeGuest) -> None:
    beat = Heartbeat(datastore_status=DatastoreStatus.HEALTHY, agent_version="1")
    assert_refused(guest.seal(beat), "kind")


@pytest.mark.parametrize(
    "changes",
    [
        {"message_id": ""},
        {"message_id": "x" * 65},
        {"message_id": "a\x00b"},
        {"sequence": -1},
        {"sequence": 2**63},
    ],
)
def test_values_the_database_cannot_hold_are_refused(
    recorder: Recorder, guest: FakeGuest, changes: dict[str, Any]
) -> None:
    assert_refused(guest.seal(FINISHED, **changes), "malformed")


def test_command_id_is_checked(recorder: Recorder, guest: FakeGuest) -> None:
    report = CommandFinished(command_id="a b\x00" * 100, outcome=Outcome.SUCCEEDED)
    assert_refused(guest.seal(report), "malformed")


def test_trace_is_for_logs_and_only_when_it_looks_like_ids(recorder: Recorder, guest: FakeGuest) -> None:
    header = guest.header(trace={"request_id": "req-1", "operation_id": "x\ninjected", "other": "y"})
    assert intake.trace_of(header) == {"instance_id": guest.instance_id, "request_id": "req-1"}


def test_keys_are_not_shown(guest: FakeGuest) -> None:
    from dbaas.conductor.keys import GuestKeys

    assert guest.instance_key not in repr(GuestKeys(guest.instance_key, guest.public_key))
    assert crypto.parse_key(guest.instance_key)
