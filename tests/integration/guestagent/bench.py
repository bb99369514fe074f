"""What the agent is tested with: a virtual host, its restricted account, and the control plane's end."""

import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import kombu
import msgspec
import requests

from guestagent.protocol import crypto, envelope, queues
from guestagent.protocol.commands import Command, encode_command, kind_of
from guestagent.protocol.envelope import Direction, Header, Opened
from guestagent.protocol.guest_config import GuestConfig, encode_guest_config
from guestagent.protocol.reports import CommandFinished, Heartbeat, decode_report
from guestagent.protocol.secret import Secret

BROKER = os.environ.get("TEST_BROKER_ADDRESS", "127.0.0.1:5672")
MANAGEMENT = os.environ.get("TEST_RABBITMQ_MANAGEMENT_URL", "http://guest:guest@127.0.0.1:15672")
ROOT = Path(__file__).resolve().parents[3]
WAIT_SECONDS = 30.0


def eventually(look: Callable[[], Any], *, seconds: float = WAIT_SECONDS, what: str = "") -> Any:
    """What `look` gives once it is true; fails the test at the deadline."""
    deadline = time.monotonic() + seconds
    while True:
        if found := look():
            return found
        assert time.monotonic() < deadline, f"never came true: {what or look}"
        time.sleep(0.02)


class Management:
    """RabbitMQ's management API, as far as the tests need it."""

    def __init__(self, vhost: str) -> None:
        self.vhost = vhost
        self._path = quote(vhost, safe="")

    def call(self, method: str, path: str, body: Any = None) -> Any:
        answer = requests.request(
            method, f"{MANAGEMENT}/api/{path.format(vhost=self._path)}", json=body, timeout=20
        )
        if method != "DELETE" or answer.status_code != 404:
            answer.raise_for_status()
        return answer.json() if answer.content else None

    def declare(self, instance_id: str, password: str) -> None:
        self.call(
            "PUT", "exchanges/{vhost}/" + queues.CONDUCTOR_EXCHANGE, {"type": "direct", "durable": True}
        )
        for queue, key in (
            (queues.CONDUCTOR_QUEUE, queues.REPORT_ROUTING_KEY),
            (queues.HEARTBEAT_QUEUE, queues.HEARTBEAT_ROUTING_KEY),
        ):
            self.declare_queue(queue)
            path = "bindings/{vhost}/e/" + f"{queues.CONDUCTOR_EXCHANGE}/q/{queue}"
            self.call("POST", path, {"routing_key": key})
        self.declare_queue(queues.guest_queue(instance_id))
        self.declare_user(instance_id, password)

    def declare_queue(self, queue: str) -> None:
        self.call("PUT", "queues/{vhost}/" + queue, {"durable": True})

    def declare_user(self, instance_id: str, password: str) -> None:
        user = queues.guest_queue(instance_id)
        self.call("PUT", f"users/{user}", {"password": password, "tags": ""})
        rights = {
            "configure": "^$",
            "write": f"^{queues.CONDUCTOR_EXCHANGE}$",
            "read": f"^{user.replace('.', chr(92) + '.')}$",
        }
        self.call("PUT", "permissions/{vhost}/" + user, rights)

    def cut_connections(self, instance_id: str) -> None:
        user = queues.guest_queue(instance_id)
        self.call("DELETE", f"connections/username/{user}")

    def connections(self, instance_id: str) -> int:
        user = queues.guest_queue(instance_id)
        return len(self.call("GET", f"connections/username/{user}"))


@contextmanager
def virtual_host() -> Iterator[Management]:
    management = Management(f"test-{uuid.uuid4()}")
    management.call("PUT", "vhosts/{vhost}")
    try:
        management.call("PUT", "permissions/{vhost}/guest", {"configure": ".*", "write": ".*", "read": ".*"})
        yield management
    finally:
        management.call("DELETE", "vhosts/{vhost}")


class Guest:
    """One agent program and the control plane's side of it."""

    def __init__(self, management: Management, folder: Path, **config: Any) -> None:
        self.instance_id = str(uuid.uuid4())
        self.management = management
        self.state = folder / "state"
        self.config_path = folder / "guest.json"
        self.log_path = folder / "agent.log"
        self.password = crypto.generate_key()
        self.instance_key = crypto.generate_key()
        self.control = crypto.SigningKey(crypto.generate_key())
        guest_key = crypto.generate_key()
        self.public_key = crypto.SigningKey(guest_key).public
        user = queues.guest_queue(self.instance_id)
        self.config = GuestConfig(
            instance_id=self.instance_id,
            project_id="p1",
            engine="fake",
            version="1",
            broker_url=Secret(f"amqp://{user}:{self.password}@{BROKER}/{quote(management.vhost, safe='')}"),
            instance_key=Secret(self.instance_key),
            signing_key=Secret(guest_key),
            control_public_key=self.control.public,
            listen_address="127.79.0.1",
            memory_mb=256,
            data_path=str(folder / "data"),
            state_path=str(self.state),
            heartbeat_seconds=1.0,
        )
        self.config = msgspec.structs.replace(self.config, **config)
        self.write_config()
        management.declare(self.instance_id, self.password)
        self._connection = kombu.Connection(f"amqp://guest:guest@{BROKER}/{quote(management.vhost, safe='')}")
        self.agent: subprocess.Popen[bytes] | None = None
        self.reports: list[Opened] = []

    def write_config(self) -> None:
        self.config_path.touch(mode=0o600)
        self.config_path.write_bytes(encode_guest_config(self.config))

    # the program

    def start(self) -> None:
        log = self.log_path.open("ab")
        environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
        self.agent = subprocess.Popen(
            [sys.executable, "-m", "tests.integration.guestagent.fake_agent", "--config", self.config_path],
            stdout=log,
            stderr=log,
            start_new_session=True,
            env={**environment, "DJANGO_SETTINGS_MODULE": "dbaas.settings.test"},
        )
        log.close()

    def end(self, number: int = signal.SIGTERM, *, seconds: float = 15.0) -> int:
        assert self.agent is not None
        self.agent.send_signal(number)
        return self.agent.wait(seconds)

    def clean_up(self) -> None:
        if self.agent is not None and self.agent.poll() is None:
            self.end(signal.SIGKILL)
        if (pid := self.server_pid()) is not None:
            os.kill(pid, signal.SIGKILL)
        self.management.call("DELETE", f"users/{queues.guest_queue(self.instance_id)}")
        self._connection.release()

    def server_pid(self) -> int | None:
        try:
            pid = int((self.state / "server.pid").read_text())
            return pid if "sleep" in Path(f"/proc/{pid}/cmdline").read_text() else None
        except (OSError, ValueError):
            return None

    def calls(self) -> list[str]:
        try:
            return (self.state / "calls").read_text().splitlines()
        except FileNotFoundError:
            return []

    def log_lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log_path.read_text().splitlines()]

    # the control plane's end

    def seal(self, command: Command, **header: Any) -> str:
        fields = {
            "direction": Direction.COMMAND,
            "kind": kind_of(command),
            "instance_id": self.instance_id,
            "message_id": str(uuid.uuid4()),
            "sequence": 0,
            "sent_at_ms": envelope.now_ms(),
            "trace": {"request_id": "req-1", "operation_id": "op-1"},
            **header,
        }
        return envelope.seal(
            Header(**fields),
            encode_command(command),
            instance_key=self.instance_key,
            signing_key=self.control,
        )

    def deliver(self, sealed: Any) -> None:
        queue = queues.guest_queue(self.instance_id)
        message_id = str(uuid.uuid4())
        with self._connection.Producer() as producer:
            producer.publish(
                [[sealed], {}, {"callbacks": None, "errbacks": None, "chain": None, "chord": None}],
                exchange="",
                routing_key=queue,
                serializer="json",
                headers={"lang": "py", "task": queues.GUEST_TASK, "id": message_id, "root_id": message_id},
                correlation_id=message_id,
            )

    def send(self, command: Command, **header: Any) -> str:
        sealed = self.seal(command, **header)
        self.deliver(sealed)
        return envelope.peek(sealed).message_id

    def open(self, sealed: str) -> Opened:
        return envelope.open_envelope(
            sealed,
            direction=Direction.REPORT,
            instance_id=self.instance_id,
            key_for=lambda _: self.instance_key,
            public_key_for=lambda _: self.public_key,
            unsigned_kinds=frozenset({"heartbeat"}),
            max_age_seconds=60,
        )

    def collect(self) -> list[CommandFinished]:
        """All outcomes that came so far, the oldest first."""
        while (message := self._get(queues.CONDUCTOR_QUEUE)) is not None:
            assert message.headers["task"] == queues.REPORT_TASK
            (sealed,), kwargs, _ = message.payload
            assert kwargs == {}
            self.reports.append(self.open(sealed))
        decoded = [decode_report(opened.payload) for opened in self.reports]
        return [report for report in decoded if isinstance(report, CommandFinished)]

    def outcome(self, command_id: str, *, times: int = 1) -> CommandFinished:
        def look() -> CommandFinished | None:
            found = [report for report in self.collect() if report.command_id == command_id]
            return found[-1] if len(found) >= times else None

        report = eventually(look, what=f"outcome of {command_id}")
        assert isinstance(report, CommandFinished)
        return report

    def heartbeat(self) -> tuple[Header, Heartbeat] | None:
        """The next heartbeat in the queue."""
        message = self._get(queues.HEARTBEAT_QUEUE)
        if message is None:
            return None
        opened = self.open(message.body if isinstance(message.body, str) else message.body.decode())
        report = decode_report(opened.payload)
        assert isinstance(report, Heartbeat)
        return opened.header, report

    def await_status(self, status: str) -> Heartbeat:
        def look() -> Heartbeat | None:
            while (beat := self.heartbeat()) is not None:
                if beat[1].datastore_status == status:
                    return beat[1]
            return None

        beat = eventually(look, what=f"status {status}")
        assert isinstance(beat, Heartbeat)
        return beat

    def _get(self, queue: str) -> Any:
        return kombu.Queue(queue, channel=self._connection.default_channel, no_declare=True).get(no_ack=True)
