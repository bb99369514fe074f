"""Heartbeats a second that one conductor takes in: ``python -m tests.benchmarks.bench_heartbeats [GUESTS]``.

On a throw-away database of the kind DATABASE_URL names, with the real handler, and through a virtual host of
its own. "one by one" is what a task for each beat would do at best, without Celery's own cost; Trove's
conductor does 2 to 4 queries for each beat and manages about 100 a second on a core.
"""

import os
import sys
import time
import uuid
from collections.abc import Callable, Iterator
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
from dbaas.conductor.heartbeat_reader import BATCH_SIZE, HeartbeatReader  # noqa: E402
from dbaas.conductor.heartbeats import HeartbeatIntake  # noqa: E402
from guestagent.protocol.queues import CONDUCTOR_EXCHANGE, HEARTBEAT_QUEUE, HEARTBEAT_ROUTING_KEY  # noqa: E402
from guestagent.protocol.reports import Heartbeat  # noqa: E402
from guestagent.protocol.secret import Secret  # noqa: E402
from guestagent.protocol.types import DatastoreStatus  # noqa: E402
from instances import keys as instance_keys  # noqa: E402
from instances.models import Guest, Instance  # noqa: E402
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


def measure(name: str, beats: int, work: Callable[[], None]) -> None:
    started, cpu_started = time.perf_counter(), time.process_time()
    work()
    seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - cpu_started
    rate = beats / cpu_seconds
    print(
        f"{name:<34}{beats:>8}{seconds:>9.2f}{beats / seconds:>12.0f}{rate:>14.0f}"
        f"{rate / TROVE_BEATS_PER_SECOND:>12.0f}x"
    )


@contextmanager
def without_handler() -> Iterator[None]:
    real = handlers.heartbeat_handler()
    handlers.register_heartbeats(lambda beats: None)
    yield
    if real:
        handlers.register_heartbeats(real)


def take_in(rounds: list[list[str]], size: int) -> None:
    intake = HeartbeatIntake()
    for envelopes in rounds:
        for batch in batches(envelopes, size):
            intake.take_in(batch)


def through_the_broker(rounds: list[list[str]]) -> None:
    handled = [0]
    real = handlers.heartbeat_handler()

    def counting(beats: list[object]) -> None:
        real(beats)  # type: ignore[misc, arg-type]
        handled[0] += len(beats)

    handlers.register_heartbeats(counting)  # type: ignore[arg-type]
    reader = HeartbeatReader()
    reader.start()
    expected = sum(map(len, rounds))
    deadline = time.monotonic() + 120
    while handled[0] < expected and time.monotonic() < deadline:
        time.sleep(0.01)
    reader.stop()
    if handled[0] != expected:
        print(f"  handled only {handled[0]} of {expected}")


def fill_queue(rounds: list[list[str]]) -> None:
    with Connection(os.environ["TRANSPORT_URL"]) as link:
        producer = link.Producer(auto_declare=False)
        for envelopes in rounds:
            for envelope in envelopes:
                producer.publish(
                    envelope, exchange=CONDUCTOR_EXCHANGE, routing_key=HEARTBEAT_ROUTING_KEY,
                    content_type="text/plain", content_encoding="utf-8", delivery_mode=1,
                )  # fmt: skip
        channel = cast("Any", link.channel())
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            if channel.queue_declare(HEARTBEAT_QUEUE, passive=True).message_count >= sum(map(len, rounds)):
                return
            time.sleep(0.05)


def main(count: int) -> None:
    print(f"{connection.vendor}, {count} guests, batches of {BATCH_SIZE}\n")
    print(f"{'':<34}{'beats':>8}{'seconds':>9}{'beats/s':>12}{'beats/CPU s':>14}{'of Trove':>13}")
    guests = make_guests(count)

    def next_rounds(rounds: int = ROUNDS) -> list[list[str]]:
        return [seal_round(guests) for _ in range(rounds)]

    rounds = next_rounds()
    keys.cache.get_many([guest.instance_id for guest in guests])
    with without_handler():
        measure("opened", count * ROUNDS, lambda: take_in(rounds, BATCH_SIZE))
    rounds = next_rounds()
    measure("opened and written", count * ROUNDS, lambda: take_in(rounds, BATCH_SIZE))
    rounds = next_rounds(1)
    measure("opened and written one by one", count, lambda: take_in(rounds, 1))
    rounds = next_rounds()
    fill_queue(rounds)
    measure("through the broker, written", count * ROUNDS, lambda: through_the_broker(rounds))


if __name__ == "__main__":
    broker.ensure_vhost()
    databases = setup_databases(verbosity=0, interactive=False)
    try:
        broker.ensure_topology()
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 2000)
    finally:
        teardown_databases(databases, verbosity=0)
        broker._api().delete("vhosts", _vhost)
