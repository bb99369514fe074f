"""A real conductor on the real broker: duplicates, kills, outages, and messages made to harm it."""

import json
import zlib
from collections.abc import Callable
from pathlib import Path

import amqp
import pytest

from dbaas.conductor import broker, inbox
from guestagent.protocol.queues import (
    CONDUCTOR_EXCHANGE,
    CONDUCTOR_QUEUE,
    REPORT_ROUTING_KEY,
    TASKMANAGER_QUEUE,
)
from guestagent.protocol.reports import CommandFinished, Outcome
from tests.integration.dbaas.conductor.conftest import (
    Worker,
    publish_report,
    queue_length,
    task_message,
    wait_until,
)
from tests.integration.dbaas.conductor.probe.database import ProbeDatabase
from tests.unit.guestagent.protocol.guests import FakeGuest

pytestmark = pytest.mark.integration

StartWorker = Callable[[], Worker]


def report(guest: FakeGuest, command_id: str, *, reply: bool = False) -> str:
    finished = CommandFinished(command_id=command_id, outcome=Outcome.SUCCEEDED, result={"ok": True})
    return guest.seal(finished, reply=reply)


def test_duplicates_and_reordered_reports_are_handled_once(
    start_worker: StartWorker, channel: amqp.Channel, guest: FakeGuest, database: ProbeDatabase
) -> None:
    envelopes = [report(guest, f"c-{number}") for number in range(20)]
    for envelope in (*reversed(envelopes), *envelopes, *envelopes):
        publish_report(channel, envelope)
    worker = start_worker()
    wait_until(lambda: worker.metric("dbaas_reports_refused_total", reason="replay") == 40)
    assert sorted(database.handled()) == sorted(f"c-{number}" for number in range(20))
    assert worker.metric("dbaas_reports_received_total", kind="command_finished") == 20


def test_answer_reaches_who_waits_for_it(
    start_worker: StartWorker, channel: amqp.Channel, guest: FakeGuest
) -> None:
    start_worker()
    publish_report(channel, report(guest, "c-1", reply=True))
    answer = inbox.wait("c-1", 20, instance_id=guest.instance_id)
    assert answer is not None
    assert answer.result == {"ok": True}


@pytest.mark.parametrize("when", ["diebefore", "dieafter"])
def test_report_is_handled_once_though_the_conductor_is_killed(
    when: str, start_worker: StartWorker, channel: amqp.Channel, guest: FakeGuest, database: ProbeDatabase
) -> None:
    doomed = start_worker()
    publish_report(channel, report(guest, f"{when}-1", reply=True))
    doomed.wait_ended()
    assert database.handled() == ([] if when == "diebefore" else ["dieafter-1"])
    start_worker()
    # Killed after the commit, the first left no answer: the second does, as it drops the twin.
    assert inbox.wait(f"{when}-1", 20, instance_id=guest.instance_id) is not None
    assert database.handled() == [f"{when}-1"]


def test_report_waits_out_a_database_that_is_away(
    start_worker: StartWorker, channel: amqp.Channel, guest: FakeGuest, database: ProbeDatabase
) -> None:
    worker = start_worker()
    with database.locked():
        publish_report(channel, report(guest, "c-1"))
        wait_until(lambda: worker.log.count("report_put_off") >= 2)
        assert database.handled() == []
    wait_until(lambda: database.handled() == ["c-1"])
    assert queue_length(channel, "conductor.dead") == 0


def test_poison_ends_in_the_dead_letters_and_blocks_nobody(
    start_worker: StartWorker, channel: amqp.Channel, guest: FakeGuest, database: ProbeDatabase
) -> None:
    worker = start_worker()
    publish_report(channel, report(guest, "poison-1"))
    publish_report(channel, report(guest, "c-1"))
    wait_until(lambda: database.handled() == ["c-1"])
    wait_until(lambda: queue_length(channel, "conductor.dead") == 1)
    assert worker.log.count("report_put_off") == 4
    assert database.handled() == ["c-1"]


def hostile_messages(guest: FakeGuest) -> list[amqp.Message]:
    """What a guest may write that is no report, or more than one."""
    good = report(guest, "c-callback")
    call = json.dumps([[good], {}, {}]).encode()
    operation = {"task": "taskmanager.run_operation", "args": ["x"], "options": {"queue": TASKMANAGER_QUEUE}}
    return [
        amqp.Message(b"\x00\xff", application_headers={"task": "conductor.receive_report"}),
        amqp.Message("{}", content_type="application/json"),
        amqp.Message(b"gASVCw==", content_type="application/x-python-serialize", content_encoding="binary"),
        amqp.Message(b"\x80", content_type="application/json", content_encoding="no such encoding"),
        amqp.Message(call, application_headers={"task": {"un": "hashable"}, "id": "x"}),
        amqp.Message(call, application_headers={"task": ["x"], "id": "x"}),
        amqp.Message(zlib.compress(b" " * 50_000_000), application_headers={"compression": "gzip"}),
        amqp.Message(
            json.dumps({"task": "conductor.receive_report", "id": "x", "args": [good]}),
            content_type="application/json",
        ),
        task_message("x", task="taskmanager.run_operation"),
        task_message(["conductor.purge"], task="celery.map"),
        task_message("x", task="conductor.purge"),
        task_message(good, embed={"callbacks": [operation], "errbacks": [operation], "chain": [operation]}),
        task_message(report(guest, "c-eta"), eta="2999-01-01T00:00:00+00:00", expires="bad", retries="worse"),
        task_message("junk"),
        task_message(report(guest, "c-headers"), id={"a": 1}, timelimit="x", group=7, reply_to={"x": 1}),
    ]


def test_messages_made_to_harm_do_not(
    start_worker: StartWorker, channel: amqp.Channel, guest: FakeGuest, database: ProbeDatabase
) -> None:
    worker = start_worker()
    for message in hostile_messages(guest):
        channel.basic_publish(message, exchange=CONDUCTOR_EXCHANGE, routing_key=REPORT_ROUTING_KEY)
    publish_report(channel, report(guest, "c-last"))
    wait_until(lambda: "c-last" in database.handled())
    wait_until(lambda: sorted(database.handled()) == ["c-callback", "c-eta", "c-headers", "c-last"])
    assert worker.metric("dbaas_reports_refused_total", reason="malformed") == 12
    assert worker.is_healthy
    assert "<script>" not in worker.log
    assert "Traceback" not in worker.log
    assert queue_length(channel, TASKMANAGER_QUEUE) == 0
    worker.stop()
    assert queue_length(channel, CONDUCTOR_QUEUE) == 0


def test_conductor_comes_back_when_its_connections_are_cut(
    start_worker: StartWorker,
    channel: amqp.Channel,
    guest: FakeGuest,
    database: ProbeDatabase,
    virtual_host: str,
) -> None:
    worker = start_worker()
    publish_report(channel, report(guest, "c-1"))
    wait_until(lambda: database.handled() == ["c-1"])

    def connections() -> list[dict[str, object]]:
        return broker._api().get("vhosts", virtual_host, "connections") or []

    own_port = channel.connection.sock.getsockname()[1]

    def cut() -> bool:
        """All but the test's own."""
        names = [str(one["name"]) for one in connections() if one["peer_port"] != own_port]
        for name in names:
            broker._api().delete("connections", name)
        return bool(names)

    wait_until(cut)
    publish_report(channel, report(guest, "c-2"))
    wait_until(lambda: database.handled() == ["c-1", "c-2"])
    worker.wait_healthy()


def test_conductor_ends_when_asked_and_loses_nothing(
    start_worker: StartWorker, channel: amqp.Channel, guest: FakeGuest, database: ProbeDatabase
) -> None:
    worker = start_worker()
    for number in range(50):
        publish_report(channel, report(guest, f"c-{number}"))
    wait_until(database.handled)
    assert worker.stop() == 0
    left = queue_length(channel, CONDUCTOR_QUEUE)
    assert len(database.handled()) + left >= 50
    start_worker()
    wait_until(lambda: len(set(database.handled())) == 50)
    assert len(database.handled()) == 50


def test_conductor_starts_without_a_broker_and_waits_for_it(
    environment: dict[str, str], tmp_path: Path
) -> None:
    nowhere = environment | {"TRANSPORT_URL": "amqp://guest:guest@127.0.0.1:1/x"}
    worker = Worker(tmp_path, nowhere)
    try:
        wait_until(lambda: "Cannot connect" in worker.log)
        assert worker.is_running
        assert not worker.is_healthy
        assert worker.stop() == 0
    finally:
        if worker.is_running:
            worker.kill()
