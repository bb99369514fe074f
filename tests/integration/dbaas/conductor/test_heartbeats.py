"""Heartbeats through the real broker into a real conductor."""

from collections.abc import Callable
from pathlib import Path

import amqp
import pytest

from guestagent.protocol.queues import CONDUCTOR_EXCHANGE, HEARTBEAT_QUEUE, HEARTBEAT_ROUTING_KEY
from guestagent.protocol.reports import Heartbeat
from guestagent.protocol.types import DatastoreStatus
from tests.integration.dbaas.conductor.conftest import Worker, queue_length, wait_until
from tests.integration.dbaas.conductor.probe.database import ProbeDatabase
from tests.unit.guestagent.protocol.guests import FakeGuest

pytestmark = pytest.mark.integration

StartWorker = Callable[[], Worker]


def beat(guest: FakeGuest, version: str) -> str:
    report = Heartbeat(datastore_status=DatastoreStatus.HEALTHY, agent_version=version)
    return guest.seal(report, is_signed=False)


def publish_beat(channel: amqp.Channel, body: str | bytes) -> None:
    message = amqp.Message(body, content_type="text/plain")
    channel.basic_publish(message, exchange=CONDUCTOR_EXCHANGE, routing_key=HEARTBEAT_ROUTING_KEY)


def test_of_each_guest_the_newest_is_written_and_few_others(
    start_worker: StartWorker,
    channel: amqp.Channel,
    guest: FakeGuest,
    tmp_path: Path,
    database: ProbeDatabase,
) -> None:
    other = FakeGuest()
    (tmp_path / f"{other.instance_id}.keys").write_text(f"{other.instance_key} {other.public_key}")
    for number in range(40):
        publish_beat(channel, beat(guest, f"guest-{number}"))
        publish_beat(channel, beat(other, f"other-{number}"))
    worker = start_worker()
    wait_until(lambda: {"guest-39", "other-39"} <= set(database.handled("heartbeat")))
    written = database.handled("heartbeat")
    for name in ("guest", "other"):
        numbers = [int(version.partition("-")[2]) for version in written if version.startswith(name)]
        assert numbers == sorted(set(numbers))
        assert len(numbers) < 10
    wait_until(lambda: worker.metric("dbaas_heartbeats_total") == len(written))


def test_junk_is_thrown_away_and_the_next_beat_is_read(
    start_worker: StartWorker, channel: amqp.Channel, guest: FakeGuest, database: ProbeDatabase
) -> None:
    worker = start_worker()
    for junk in ("", "x", b"\xff" * 100, b"x" * 5_000_000, beat(FakeGuest(), "stranger")):
        publish_beat(channel, junk)
    wait_until(lambda: worker.metric("dbaas_reports_refused_total", reason="unknown_instance") == 1)
    publish_beat(channel, beat(guest, "good"))
    wait_until(lambda: database.handled("heartbeat") == ["good"])
    assert worker.metric("dbaas_reports_refused_total", reason="malformed") == 4


def test_database_that_is_away_costs_beats_and_nothing_else(
    start_worker: StartWorker, channel: amqp.Channel, guest: FakeGuest, database: ProbeDatabase
) -> None:
    worker = start_worker()
    with database.locked():
        publish_beat(channel, beat(guest, "lost"))
        wait_until(lambda: "heartbeats_dropped" in worker.log)
    publish_beat(channel, beat(guest, "next"))
    wait_until(lambda: database.handled("heartbeat") == ["next"])
    assert worker.is_healthy


def test_queue_that_is_deleted_is_made_again(
    start_worker: StartWorker, channel: amqp.Channel, guest: FakeGuest, database: ProbeDatabase
) -> None:
    worker = start_worker()
    channel.queue_delete(HEARTBEAT_QUEUE)
    wait_until(lambda: "heartbeat_reader_interrupted" in worker.log)
    wait_until(lambda: worker.is_healthy)
    publish_beat(channel, beat(guest, "after"))
    wait_until(lambda: database.handled("heartbeat") == ["after"])
    assert queue_length(channel, HEARTBEAT_QUEUE) == 0
