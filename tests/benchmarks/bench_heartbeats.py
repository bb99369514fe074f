"""Heartbeats a second that one conductor takes in.

On a throw-away database of the kind DATABASE_URL names, with the real handler, and through a virtual host of
its own. "one by one" is what a task for each beat would do at best, without Celery's own cost; Trove's
conductor does 2 to 4 queries for each beat and manages about 100 a second on a core.
"""

import os
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, cast

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dbaas.settings.test")
os.environ["LOG_LEVEL"] = "ERROR"
_vhost = f"bench-{uuid.uuid4()}"
os.environ["TRANSPORT_URL"] = f"amqp://guest:guest@127.0.0.1:5672/{_vhost}"
django.setup()

from django.db import connection  # noqa: E402
from django.test.utils import setup_databases, teardown_databases  # noqa: E402
from kombu import Connection  # noqa: E402

from datastores.models import Datastore, DatastoreVersion, Flavor  # noqa: E402
from dbaas.conductor import broker, handlers, keys  # noqa: E402
from dbaas.conductor.handlers import Sender  # noqa: E402
from dbaas.conductor.heartbeat_reader import BATCH_SIZE, HeartbeatReader  # noqa: E402
from dbaas.conductor.heartbeats import HeartbeatIntake  # noqa: E402
from guestagent.protocol.queues import CONDUCTOR_EXCHANGE, HEARTBEAT_QUEUE, HEARTBEAT_ROUTING_KEY  # noqa: E402
from guestagent.protocol.reports import Heartbeat  # noqa: E402
from guestagent.protocol.secret import Secret  # noqa: E402
from guestagent.protocol.types import DatastoreStatus  # noqa: E402
from instances import keys as instance_keys  # noqa: E402
from instances.models import Guest, Instance  # noqa: E402
from tests.benchmarks.report import Row, run  # noqa: E402
from tests.unit.guestagent.protocol.guests import FakeGuest  # noqa: E402

TROVE_BEATS_PER_SECOND = 100.0
ROUNDS = 5


def make_guests(count: int) -> list[FakeGuest]:
    datastore = Datastore.objects.create(name="bench")
    version = DatastoreVersion.objects.create(datastore=datastore, name="1", version="1", engine="mariadb")
    flavor = Flavor.objects.create(id="bench", name="bench", ram_mb=1, vcpus=1, disk_gb=1)
    guests = [FakeGuest() for _ in range(count)]
    Instance.objects.bulk_create(
        Instance(
            id=uuid.UUID(guest.instance_id), project_id="p", name="bench", datastore_version=version,
            flavor=flavor, volume_size_gb=1,
        )
        for guest in guests
    )  # fmt: skip
    Guest.objects.bulk_create(
        Guest(
            instance_id=uuid.UUID(guest.instance_id), public_key=guest.public_key,
            wrapped_key=instance_keys.wrap(guest.instance_id, Secret(guest.instance_key)),
        )
        for guest in guests
    )  # fmt: skip
    return guests


def seal_round(guests: list[FakeGuest]) -> list[str]:
    report = Heartbeat(
        datastore_status=DatastoreStatus.HEALTHY, agent_version="1", engine_version="10.11.6",
        volume_used_bytes=1, volume_total_bytes=2,
    )  # fmt: skip
    return [guest.seal(report, is_signed=False) for guest in guests]


def batches(envelopes: list[str], size: int) -> Iterator[list[str]]:
    for start in range(0, len(envelopes), size):
        yield envelopes[start : start + size]


def timed(
    name: str,
    rounds: list[list[str]],
    work: Callable[[list[str]], None],
    prepare: Callable[[list[str]], None] = lambda _: None,
) -> Row:
    """Of the processor's time: on a busy machine that is what one core could do."""
    rates = []
    for envelopes in rounds:
        prepare(envelopes)
        cpu_started = time.process_time()
        work(envelopes)
        rates.append(len(envelopes) / (time.process_time() - cpu_started))
    row = Row(name, rates, "beats/s")
    return Row(name, rates, "beats/s", f"{row.median / TROVE_BEATS_PER_SECOND:.0f}x Trove's 100")


@contextmanager
def without_handler() -> Iterator[None]:
    real = handlers.heartbeat_handler()
    handlers.register_heartbeats(lambda beats: None)
    yield
    if real:
        handlers.register_heartbeats(real)


def take_in(envelopes: list[str], size: int = BATCH_SIZE) -> None:
    intake = HeartbeatIntake()
    for batch in batches(envelopes, size):
        intake.take_in(batch)


def through_the_broker(envelopes: list[str]) -> None:
    """Read from the queue that `fill_queue` has filled."""
    handled = 0
    real = handlers.heartbeat_handler()
    assert real

    def counting(beats: Sequence[tuple[Sender, Heartbeat]]) -> None:
        nonlocal handled
        real(beats)
        handled += len(beats)

    handlers.register_heartbeats(counting)
    reader = HeartbeatReader()
    reader.start()
    deadline = time.monotonic() + 120
    while handled < len(envelopes) and time.monotonic() < deadline:
        time.sleep(0.01)
    reader.stop()
    handlers.register_heartbeats(real)
    assert handled == len(envelopes), f"handled only {handled} of {len(envelopes)}"


def fill_queue(envelopes: list[str]) -> None:
    with Connection(os.environ["TRANSPORT_URL"]) as link:
        producer = link.Producer(auto_declare=False)
        for envelope in envelopes:
            producer.publish(
                envelope, exchange=CONDUCTOR_EXCHANGE, routing_key=HEARTBEAT_ROUTING_KEY,
                content_type="text/plain", content_encoding="utf-8", delivery_mode=1,
            )  # fmt: skip
        channel = cast("Any", link.channel())
        deadline = time.monotonic() + 30
        while channel.queue_declare(HEARTBEAT_QUEUE, passive=True).message_count < len(envelopes):
            assert time.monotonic() < deadline, "the broker did not take all"
            time.sleep(0.05)


def measure(short: bool) -> Iterator[Row]:
    guests = make_guests(300 if short else 2000)

    def next_rounds(rounds: int = ROUNDS) -> list[list[str]]:
        return [seal_round(guests) for _ in range(rounds)]

    keys.cache.get_many([guest.instance_id for guest in guests])
    with without_handler():
        yield timed("opened", next_rounds(), take_in)
    yield timed("opened and written", next_rounds(), take_in)
    yield timed("opened and written one by one", next_rounds(1), lambda envelopes: take_in(envelopes, 1))
    yield timed("through the broker, written", next_rounds(), through_the_broker, fill_queue)


def main() -> None:
    broker.ensure_vhost()
    databases = setup_databases(verbosity=0, interactive=False)
    try:
        broker.ensure_topology()
        run(f"Heartbeats, one conductor core ({connection.vendor}, batches of {BATCH_SIZE})", measure)
    finally:
        teardown_databases(databases, verbosity=0)
        broker._api().delete("vhosts", _vhost)


if __name__ == "__main__":
    main()
