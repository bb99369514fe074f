"""Passwords planted in requests are found nowhere: not in logs, messages, Flower, process lists or rows."""

import json
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pymysql
import pytest
import requests
from kombu import Connection, Exchange, Queue
from kombu.message import Message

from compose.local.environment import FLOWER_USER
from tests.e2e.stack import ApiSession, PrivateStack, private_stack

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

PLANTED = {
    "created": "Pl4nted-at-create-7f3a",
    "added": "Pl4nted-at-add-9c1d",
    "changed": "Pl4nted-at-change-2b8e",
    "root": "Pl4nted-root-5d6f",
    "wrong": "Pl4nted-login-0a4c",
}


class ProcessWatch:
    """Looks at the command lines and environments of all processes, again and again."""

    def __init__(self) -> None:
        self.found: set[str] = set()
        self.looks = 0
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "ProcessWatch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join(timeout=10)

    def _watch(self) -> None:
        own = psutil.Process().pid
        while not self._end.wait(0.02):
            self.looks += 1
            for process in psutil.process_iter():
                with suppress(psutil.Error):
                    if process.pid == own:
                        continue
                    text = " ".join(process.cmdline()) + str(process.environ())
                    self.found.update(name for name, secret in PLANTED.items() if secret in text)


@contextmanager
def wiretap(stack: PrivateStack) -> Iterator[list[str]]:
    """Everything published in the stack's virtual host: RabbitMQ's firehose, read as the control plane."""
    seen: list[str] = []

    def keep(body: object, message: Message) -> None:
        seen.append(str(message.body) + str(message.headers))
        message.ack()

    api = f"{stack.env['RABBITMQ_MANAGEMENT_URL']}/api"
    vhost = stack.env["TRANSPORT_URL"].rsplit("/", 1)[1]
    host_url = f"{api}/vhosts/{vhost}"
    requests.put(host_url, json={"tracing": True}, timeout=10).raise_for_status()
    end = threading.Event()
    with Connection(stack.env["TRANSPORT_URL"]) as connection:
        queue = Queue("wiretap", Exchange("amq.rabbitmq.trace", type="topic"), "#", exclusive=True)
        queue.exchange.passive = True

        def read() -> None:
            with connection.Consumer(queue, callbacks=[keep], accept=None):
                while not end.is_set():
                    with suppress(TimeoutError):
                        connection.drain_events(timeout=0.2)

        thread = threading.Thread(target=read, daemon=True)
        thread.start()
        try:
            yield seen
        finally:
            end.set()
            thread.join(timeout=10)
            requests.put(host_url, json={"tracing": False}, timeout=10)


@pytest.fixture(scope="module")
def stack() -> Iterator[PrivateStack]:
    with private_stack(LOG_LEVEL="DEBUG") as running:
        yield running


def test_planted_secrets_are_found_nowhere(stack: PrivateStack) -> None:
    api = stack.api()
    with ProcessWatch() as watch, wiretap(stack) as messages:
        instance_id, address = create(stack, api)
        change_everything(stack, api, instance_id)
        fail_to_log_in(stack)
        rows = dump(stack)
        flower = read_flower(stack)
    with pymysql.connect(host=address, user="joe", password=PLANTED["changed"], connect_timeout=5) as session:
        assert session.open  # the secrets did get where they belong
    text = {
        "logs": stack.all_logs(),
        "engine logs": engine_logs(stack),
        "messages": "\n".join(messages),
        "rows": rows,
        "flower": flower,
        "guest state": files_below(stack.local_path / "servers"),
    }
    assert not watch.found
    assert watch.looks > 20
    assert "guestagent.execute" in text["messages"], "the wiretap heard nothing"
    assert "run_operation" in text["flower"], "Flower showed nothing"
    assert instance_id in text["rows"]
    for place, content in text.items():
        assert not [name for name, secret in PLANTED.items() if secret in content], f"found in the {place}"


def create(stack: PrivateStack, api: ApiSession) -> tuple[str, str]:
    body = {
        "instance": {
            "name": "guarded", "flavorRef": "1", "volume": {"size": 1}, "datastore": {"type": "mariadb"},
            "databases": [{"name": "app"}],
            "users": [{"name": "joe", "password": PLANTED["created"], "databases": [{"name": "app"}]}],
        }
    }  # fmt: skip
    instance_id = str(api.post("/instances", json=body).json()["instance"]["id"])

    def ready() -> str | None:
        shown = api.get(f"/instances/{instance_id}").json()["instance"]
        assert shown["status"] != "ERROR", shown
        return str(shown["ip"][0]) if shown["operating_status"] == "HEALTHY" else None

    return instance_id, str(stack.wait_until(ready, timeout=90, what="the instance"))


def change_everything(stack: PrivateStack, api: ApiSession, instance_id: str) -> None:
    below = f"/instances/{instance_id}"
    malformed = {"users": [{"name": "x", "password": PLANTED["added"], "bad": {}}] * 2}
    answers = [
        api.post(f"{below}/users", json={"users": [{"name": "ann", "password": PLANTED["added"]}]}),
        api.put(f"{below}/users/joe", json={"user": {"password": PLANTED["changed"]}}),
        api.post(f"{below}/root", json={"password": PLANTED["root"]}, headers={"Idempotency-Key": "k1"}),
        api.post(f"{below}/users", json=malformed),
    ]
    assert [answer.status_code for answer in answers] == [202, 202, 200, 400]

    def all_ended() -> bool:
        operations = api.get("/operations").json()["operations"]
        return all(operation["finished"] for operation in operations)

    stack.wait_until(all_ended, timeout=60, what="the changes")


def fail_to_log_in(stack: PrivateStack) -> None:
    user = {"name": "demo", "domain": {"id": "default"}, "password": PLANTED["wrong"]}
    body = {"auth": {"identity": {"methods": ["password"], "password": {"user": user}}}}
    assert requests.post(f"{stack.url}/identity/v3/auth/tokens", json=body, timeout=30).status_code == 401


def dump(stack: PrivateStack) -> str:
    path = stack.env["DATABASE_URL"].removeprefix("sqlite:///")
    with sqlite3.connect(path, timeout=10) as control:
        return "\n".join(control.iterdump())


def read_flower(stack: PrivateStack) -> str:
    """What its API knows of all tasks, arguments included."""
    url = f"http://127.0.0.1:{stack.settings['FLOWER_PORT']}"
    password = stack.environment.passwords["FLOWER_PASSWORD"]
    assert requests.get(f"{url}/api/tasks", timeout=10).status_code == 401
    deadline = time.monotonic() + 20
    while True:
        answer = requests.get(f"{url}/api/tasks", auth=(FLOWER_USER, password), timeout=10)
        answer.raise_for_status()
        if "run_operation" in answer.text or time.monotonic() > deadline:
            return json.dumps(answer.json())
        time.sleep(0.3)


def engine_logs(stack: PrivateStack) -> str:
    return "\n".join(read(path) for path in stack.local_path.rglob("*") if path.suffix in {".log", ".err"})


def files_below(folder: Path) -> str:
    return "\n".join(read(path) for path in folder.rglob("*"))


def read(path: Path) -> str:
    try:
        return path.read_bytes().decode(errors="replace") if path.is_file() else ""
    except OSError:
        return ""
