"""A virtual host of our own on the real broker, and real workers on a database of their own."""

import contextlib
import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import amqp
import pytest
import requests
from django.conf import settings as django_settings
from kombu import Connection
from pytest_django.fixtures import Settings

from dbaas.conductor import broker, publish
from guestagent.protocol.queues import CONDUCTOR_EXCHANGE, REPORT_ROUTING_KEY, REPORT_TASK
from guestagent.protocol.secret import Secret
from tests.integration.dbaas.conductor.probe.database import ProbeDatabase
from tests.unit.guestagent.protocol.guests import FakeGuest

ROOT = Path(__file__).parents[4]
PROBE_SETTINGS = "tests.integration.dbaas.conductor.probe.settings"
DEADLINE_SECONDS = 40.0


def wait_until(what: Callable[[], Any], seconds: float = DEADLINE_SECONDS) -> Any:
    """The first true value of `what`; fails when the time is over."""
    deadline = time.monotonic() + seconds
    while True:
        value = what()
        if value:
            return value
        assert time.monotonic() < deadline, f"did not happen within {seconds} s"
        time.sleep(0.05)


@pytest.fixture
def virtual_host(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An empty virtual host with our topology; TRANSPORT_URL leads there."""
    name = f"test-conductor-{uuid.uuid4()}"
    settings.TRANSPORT_URL = settings.TRANSPORT_URL.rsplit("/", 1)[0] + "/" + name
    monkeypatch.setattr(publish, "_publisher", publish.Publisher())
    broker.ensure_vhost()
    try:
        broker.ensure_topology()
        yield name
    finally:
        for instance_id in broker.list_guests():
            broker.delete_guest(instance_id)
        broker._api().delete("vhosts", name)


def connect(user: str | None = None, password: str = "") -> amqp.Connection:
    """A plain AMQP connection, as ourselves or as a guest. Publishing waits for the broker's confirmation."""
    ours = Connection(django_settings.TRANSPORT_URL)
    connection = amqp.Connection(
        f"{ours.hostname}:{ours.port or 5672}", user or ours.userid or "", password or ours.password or "",
        virtual_host=ours.virtual_host, connect_timeout=5, confirm_publish=True,
    )  # fmt: skip
    connection.connect()
    return connection


@pytest.fixture
def channel(virtual_host: str) -> Iterator[amqp.Channel]:
    """Our own channel, which may do everything."""
    with connect() as connection:
        yield connection.channel()


class GuestAccount:
    """A guest with an account at the broker."""

    def __init__(self) -> None:
        self.guest = FakeGuest()
        self.password = "pw-" + uuid.uuid4().hex
        broker.ensure_guest(self.guest.instance_id, Secret(self.password))

    @contextlib.contextmanager
    def channel(self) -> Iterator[amqp.Channel]:
        connection = connect(broker.guest_user(self.guest.instance_id), self.password)
        try:
            yield connection.channel()
        finally:
            connection.collect()


@pytest.fixture
def account(virtual_host: str) -> GuestAccount:
    return GuestAccount()


def task_message(*arguments: Any, task: str = REPORT_TASK, embed: Any = None, **headers: Any) -> amqp.Message:
    """A Celery task call as a guest would write it."""
    task_id = str(uuid.uuid4())
    return amqp.Message(
        json.dumps([list(arguments), {}, embed or {}]), content_type="application/json",
        content_encoding="utf-8", correlation_id=task_id, delivery_mode=2,
        application_headers={"lang": "py", "task": task, "id": task_id, "argsrepr": "<script>"} | headers,
    )  # fmt: skip


def publish_report(channel: amqp.Channel, message: amqp.Message | str) -> None:
    content = message if isinstance(message, amqp.Message) else task_message(message)
    channel.basic_publish(content, exchange=CONDUCTOR_EXCHANGE, routing_key=REPORT_ROUTING_KEY)


def queue_length(channel: amqp.Channel, queue: str) -> int:
    """Messages that are ready in the queue."""
    return int(cast("tuple[str, int, int]", channel.queue_declare(queue, passive=True))[1])


class Worker:
    """A conductor process, as it is run in production, with the probe's handlers."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.port = free_port()
        self.log_path = folder / f"conductor-{self.port}.log"
        command = [
            *(sys.executable, "-m", "celery", "-A", "dbaas", "worker", "--hostname", f"{self.port}@%h"),
            *("--pool", "threads", "--concurrency", "2", "--loglevel", "INFO", "--without-gossip"),
        ]
        with self.log_path.open("wb") as log:
            self._process = subprocess.Popen(
                command, cwd=ROOT, stdout=log, stderr=log,
                env=environment | {"DBAAS_ROLE": "conductor", "CONDUCTOR_METRICS_PORT": str(self.port)},
            )  # fmt: skip

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    @property
    def is_healthy(self) -> bool:
        try:
            return requests.get(f"http://127.0.0.1:{self.port}/healthz", timeout=2).status_code == 200
        except requests.RequestException:
            return False

    def wait_healthy(self) -> "Worker":
        wait_until(lambda: self.is_healthy or not self.is_running)
        assert self.is_running, self.log
        return self

    @property
    def log(self) -> str:
        return self.log_path.read_text(errors="replace")

    def metric(self, name: str, **labels: str) -> float:
        """A sample of ``/metrics``; 0 when it is not there."""
        shown = ",".join(f'{key}="{value}"' for key, value in labels.items())
        sample = f"{name}{{{shown}}} " if shown else f"{name} "
        text = requests.get(f"http://127.0.0.1:{self.port}/metrics", timeout=2).text
        return sum(float(line.split()[-1]) for line in text.splitlines() if line.startswith(sample))

    def stop(self) -> int:
        """Ask it to end, as a supervisor does; its exit code."""
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(DEADLINE_SECONDS)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait(DEADLINE_SECONDS)

    def wait_ended(self) -> None:
        self._process.wait(DEADLINE_SECONDS)


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tables, made once."""
    path = tmp_path_factory.mktemp("probe") / "empty.sqlite3"
    command = [sys.executable, "manage.py", "migrate", "--run-syncdb", "-v0"]
    environment = {"DJANGO_SETTINGS_MODULE": PROBE_SETTINGS, "DATABASE_URL": f"sqlite:///{path}"}
    subprocess.run(command, cwd=ROOT, env=environment, check=True, timeout=120)
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=DELETE")  # one file, to be copied
    return path


@pytest.fixture
def database(tmp_path: Path, empty_database: Path) -> ProbeDatabase:
    return ProbeDatabase(Path(shutil.copy(empty_database, tmp_path / "probe.sqlite3")))


@pytest.fixture
def environment(virtual_host: str, tmp_path: Path, database: ProbeDatabase) -> dict[str, str]:
    """Of a process beside this one: same broker and Redis, the probe's handlers and database."""
    return {
        "PATH": os.environ["PATH"],
        "DJANGO_SETTINGS_MODULE": PROBE_SETTINGS,
        "DATABASE_URL": f"sqlite:///{database.path}?timeout=1",
        "TRANSPORT_URL": cast("str", django_settings.TRANSPORT_URL),
        "REDIS_URL": cast("str", django_settings.REDIS_URL),
        "RABBITMQ_MANAGEMENT_URL": cast("str", django_settings.RABBITMQ_MANAGEMENT_URL),
        "PROBE_FOLDER": str(tmp_path),
    }


@pytest.fixture
def guest(tmp_path: Path) -> FakeGuest:
    """A guest that the probe's workers know."""
    guest = FakeGuest()
    (tmp_path / f"{guest.instance_id}.keys").write_text(f"{guest.instance_key} {guest.public_key}")
    return guest


@pytest.fixture
def start_worker(tmp_path: Path, environment: dict[str, str]) -> Iterator[Callable[[], Worker]]:
    workers: list[Worker] = []

    def start() -> Worker:
        workers.append(Worker(tmp_path, environment))
        return workers[-1].wait_healthy()

    yield start
    for worker in workers:
        if worker.is_running:
            worker.kill()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
