"""A sealed command to a real agent and its sealed report back, through RabbitMQ, against a plain Celery task.

Sealing, signing, opening and verifying at both ends are in the figures. The reference is a Celery worker with
the solo pool and an rpc:// result, which is as quick as Celery gets. Blocks of both take turns.
"""

import os
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from kombu import Connection, Queue

from guestagent.protocol import queues
from guestagent.protocol.commands import Command, CreateDatabases, Ping
from guestagent.protocol.reports import CommandFinished, decode_report
from guestagent.protocol.types import DatabaseSpec
from tests.benchmarks.report import Row, run
from tests.integration.guestagent.bench import BROKER, ROOT, Guest, Management, virtual_host

_ANSWER_SECONDS = 20.0


class Asker:
    """Sends commands to a guest and reads its reports, on one connection."""

    def __init__(self, guest: Guest, connection: Connection) -> None:
        self._guest = guest
        self._connection = connection
        self._producer = connection.Producer(auto_declare=False)
        self._answered: set[str] = set()
        reports = Queue(queues.CONDUCTOR_QUEUE, no_declare=True)
        self._consumer = connection.Consumer([reports], callbacks=[self._take], no_ack=True)
        self._consumer.consume()

    def ask(self, command: Command) -> float:
        """Milliseconds from before sealing to the verified report."""
        message_id = str(uuid.uuid4())
        started = time.perf_counter()
        sealed = self._guest.seal(command, message_id=message_id)
        self._producer.publish(
            [[sealed], {}, {}], exchange="", routing_key=queues.guest_queue(self._guest.instance_id),
            serializer="json", correlation_id=message_id,
            headers={"lang": "py", "task": queues.GUEST_TASK, "id": message_id, "root_id": message_id},
        )  # fmt: skip
        while message_id not in self._answered:
            self._connection.drain_events(timeout=_ANSWER_SECONDS)
        return (time.perf_counter() - started) * 1000

    def _take(self, body: Any, message: Any) -> None:
        report = decode_report(self._guest.open(body[0][0]).payload)
        if isinstance(report, CommandFinished):
            self._answered.add(report.command_id)


def measure(short: bool) -> Iterable[Row]:
    blocks, size = (4, 50) if short else (10, 100)
    echo: list[float] = []
    ping: list[float] = []
    change: list[float] = []
    with virtual_host() as management, _guest(management) as asker, _echo_worker(management) as send_echo:
        command = CreateDatabases(databases=(DatabaseSpec(name="bench"),))
        for _ in range(10):  # both ends warm up
            send_echo()
            asker.ask(Ping())
            asker.ask(command)
        for _ in range(blocks):
            echo += [send_echo() for _ in range(size)]
            ping += [asker.ask(Ping()) for _ in range(size)]
            change += [asker.ask(command) for _ in range(size // 5)]
    reference = Row("plain Celery task and its result", echo, "ms")
    rows = [Row(name, values, "ms") for name, values in (("read", ping), ("change, journalled", change))]
    aims: list[tuple[str, bool | None]] = [("4 ms, idle machine", rows[0].median <= 4.0), ("", None)]
    yield reference
    for row, (aim, is_met) in zip(rows, aims, strict=True):
        against = f"{row.median / reference.median:.2f}x Celery"
        yield Row(f"sealed command and report: {row.name}", row.values, "ms", against, aim, is_met)


@contextmanager
def _guest(management: Management) -> Iterator[Asker]:
    with tempfile.TemporaryDirectory() as folder:
        guest = Guest(management, Path(folder))
        try:
            guest.start()
            with Connection(_url(management)) as connection:
                yield Asker(guest, connection)
        finally:
            guest.clean_up()


@contextmanager
def _echo_worker(management: Management) -> Iterator[Any]:
    os.environ["ECHO_BROKER"] = _url(management)
    from tests.benchmarks.echo_worker import app

    command = [
        *(sys.executable, "-m", "celery", "-A", "tests.benchmarks.echo_worker", "worker", "--pool", "solo"),
        *("--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "ERROR"),
    ]
    environment = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    environment["PYTHONWARNINGS"] = "ignore"  # about being root
    worker = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)

    def send() -> float:
        started = time.perf_counter()
        assert app.send_task("echo", ["x" * 400]).get(timeout=_ANSWER_SECONDS, interval=0.001)
        return (time.perf_counter() - started) * 1000

    try:
        yield send
    finally:
        worker.terminate()
        worker.wait(30)


def _url(management: Management) -> str:
    return f"amqp://guest:guest@{BROKER}/{quote(management.vhost, safe='')}"


if __name__ == "__main__":
    run("Sealed command round trip", measure)
