"""A complete private stack for tests: own folder, ports, virtual host, Redis database, loopback network.

It is made by the code behind `make up`, so what is tested is what is shipped. Several may run side by side:
each holds a slot (a locked file) that gives it its numbers.

    with private_stack() as stack:
        stack.openstack("database", "instance", "list")
        stack.process("taskmanager").kill()
        assert not stack.leftovers()
"""

import fcntl
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import psutil
import requests

from compose.local import clients
from compose.local.demo.client import OpenStack
from compose.local.layout import PROJECT_ROOT, Layout
from compose.local.processes import BY_NAME
from compose.local.stack import Stack
from compose.local.supervisor import RUNNER
from tests.e2e import control_databases, leftovers

_SLOTS = 14
_LOG_LINES = 60
Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Servers:
    """Where the stack reaches what it needs: as it is, or through something that can get in the way."""

    broker: str = "127.0.0.1:5672"
    management: str = "127.0.0.1:15672"
    redis: str = "127.0.0.1:6379"


SERVERS: Final = Servers()


@dataclass(frozen=True, slots=True)
class ProcessHandle:
    """One process (group) of the stack. The supervisor brings a killed one back unless told otherwise."""

    stack: "PrivateStack"
    name: str

    @property
    def pid(self) -> int:
        """0 when it does not run."""
        return self.stack.supervisor.state(self.name).pid

    def kill(self, *, stay_down: bool = False) -> None:
        """SIGKILL for all of its processes, and wait until they are gone."""
        pid = self.pid
        if not pid:
            return
        if stay_down:
            # Frozen, it cannot act on the polite request that tells the supervisor not to restart it.
            os.killpg(pid, signal.SIGSTOP)
            self.stack.supervisor.stop_process(self.name, wait=False)
        victims = _group(pid)
        os.killpg(pid, signal.SIGKILL)
        psutil.wait_procs(victims, timeout=10)
        if stay_down:
            self.stack.wait_until(lambda: not self.pid, timeout=10, what=f"{self.name} to stay down")

    def stop(self) -> None:
        self.stack.supervisor.stop_process(self.name)

    def start(self) -> None:
        self.stack.supervisor.start_process(self.name)

    def restart(self) -> None:
        self.stop()
        self.start()
        self.wait_until_ready()

    def pause(self) -> None:
        """SIGSTOP: alive, holding all it holds, and silent."""
        os.killpg(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        os.killpg(self.pid, signal.SIGCONT)

    def wait_until_ready(self, timeout: float = 60.0) -> None:
        settings = self.stack.settings

        def is_ready() -> bool:
            state = self.stack.supervisor.state(self.name)
            return state.state == "RUNNING" and BY_NAME[self.name].check(settings) is None

        self.stack.wait_until(is_ready, timeout=timeout, what=f"{self.name} to be ready")


class ApiSession(requests.Session):
    """Requests with a token, below ``/v1.0/<project id>``; every one has a time limit."""

    def __init__(self, stack: "PrivateStack", cloud: str) -> None:
        super().__init__()
        self.trust_env = False
        token, self.project_id = _log_in(stack, cloud)
        self.headers["X-Auth-Token"] = token
        self.base = f"{stack.url}/v1.0/{self.project_id}"

    def request(self, method: Any, url: Any, *args: Any, **kwargs: Any) -> requests.Response:
        kwargs.setdefault("timeout", 60)
        return super().request(method, self.base + url if str(url).startswith("/") else url, *args, **kwargs)


class PrivateStack(Stack):
    """`Stack`, with what tests need to use it, hurt it and look under it."""

    def __init__(self, layout: Layout, given: Mapping[str, str], *, runner: str = RUNNER) -> None:
        super().__init__(layout, runner=runner)
        self.given = given

    @property
    def env(self) -> Mapping[str, str]:
        """The settings as text, keys included."""
        return self.environment.settings

    @property
    def settings(self) -> Mapping[str, Any]:
        return self.environment.parsed()

    @property
    def url(self) -> str:
        return self.environment.url

    @property
    def local_path(self) -> Path:
        return Path(self.settings["LOCAL_PATH"])

    def process(self, name: str) -> ProcessHandle:
        return ProcessHandle(self, name)

    def client(self, cloud: str = "demo") -> OpenStack:
        return OpenStack(clients.variables(self.environment, cloud))

    def openstack(self, *arguments: str, cloud: str = "demo") -> str:
        """Output of a real `openstack` command; raises `compose.local.demo.client.Refused`."""
        return self.client(cloud).run(*arguments)

    def api(self, cloud: str = "demo") -> ApiSession:
        return ApiSession(self, cloud)

    def log_tail(self, name: str, lines: int = _LOG_LINES) -> str:
        with suppress(FileNotFoundError):
            return "\n".join(self.layout.log(name).read_text(errors="replace").splitlines()[-lines:])
        return ""

    def all_logs(self) -> str:
        """Everything every process has written, guests included: to look for secrets in."""
        files = [*self.layout.logs.glob("*"), *self.local_path.glob("servers/*/*log*")]
        return "\n".join(path.read_text(errors="replace") for path in files if path.is_file())

    def wait_until(self, look: Callable[[], Value], *, timeout: float, what: str = "it") -> Value:
        """The first true value of `look`; AssertionError with what was waited for at the deadline."""
        deadline = time.monotonic() + timeout
        while True:
            value = look()
            if value:
                return value
            assert time.monotonic() < deadline, f"gave up waiting for {what} after {timeout:.0f} s"
            time.sleep(0.05)

    def python(self, *arguments: str) -> str:
        """Output of a Python program run with the control plane's settings."""
        environment = BY_NAME["api"].environment(self.layout, self.environment)
        result = subprocess.run(
            [sys.executable, *arguments], env=environment, cwd=PROJECT_ROOT, capture_output=True, text=True,
            timeout=60, check=False,
        )  # fmt: skip
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout

    def control_state(self) -> leftovers.ControlState:
        """What the control database holds: instances, unfinished operations, quota use."""
        return leftovers.ControlState(**json.loads(self.python("-m", "tests.e2e.leftovers")))

    def leftovers(self) -> dict[str, list[str]]:
        """Whatever exists though no instance does, by kind; empty when all is clean."""
        return leftovers.find(self.local_path, self.env, self.control_state())


@contextmanager
def private_stack(
    *, database: str = "sqlite", servers: Servers = SERVERS, runner: str = RUNNER, **settings: str
) -> Iterator[PrivateStack]:
    """A running stack, removed without a trace at the end.

    `database` is "sqlite", "postgresql" or "mariadb"; `settings` are options of the control plane; `runner`
    is the module that becomes its processes.
    """
    with ExitStack() as cleanup:
        slot = cleanup.enter_context(_slot())
        folder = Path(tempfile.mkdtemp(prefix="dbaas-e2e-"))
        cleanup.callback(shutil.rmtree, folder, ignore_errors=True)
        folder.chmod(0o711)
        given = _settings_of(slot, folder, servers)
        if database != "sqlite":
            given["DATABASE_URL"] = cleanup.enter_context(control_databases.fresh(database))
        stack = PrivateStack(Layout(folder / "var"), {**given, **settings}, runner=runner)
        cleanup.callback(_remove, stack)
        stack.up(stack.given)
        yield stack


def _remove(stack: PrivateStack) -> None:
    for name in BY_NAME:
        with suppress(Exception):
            stack.process(name).resume()  # a paused one could not stop
    stack.clean()


def _settings_of(slot: int, folder: Path, servers: Servers) -> dict[str, str]:
    name = f"dbaas-e2e-{slot}-{secrets.token_hex(4)}"
    account = f"{name}:{secrets.token_urlsafe(16)}"
    ports = _free_ports(4)
    return {
        "BIND_PORT": ports[0],
        "TASKMANAGER_METRICS_PORT": ports[1],
        "CONDUCTOR_METRICS_PORT": ports[2],
        "FLOWER_PORT": ports[3],
        "TRANSPORT_URL": f"amqp://{account}@{servers.broker}/{name}",
        "GUEST_BROKER_ADDRESS": servers.broker,
        "RABBITMQ_MANAGEMENT_URL": f"http://{account}@{servers.management}",
        "REDIS_URL": f"redis://{servers.redis}/{slot + 1}",
        "LOCAL_NETWORK": f"127.{90 + slot}.0.0/16",
        "LOCAL_UID_BASE": str(1_000_000 + 100_000 * slot),
        "LOCAL_PATH": str(folder / "local"),
        "API_WORKERS": "1",
    }


@contextmanager
def _slot() -> Iterator[int]:
    """A number that no other running stack of tests has."""
    for slot in range(_SLOTS):
        with Path(tempfile.gettempdir(), f"dbaas-e2e-slot-{slot}.lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            yield slot
            return
    raise RuntimeError(f"{_SLOTS} private stacks are running already")


def _free_ports(count: int) -> list[str]:
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for listener in sockets:
            listener.bind(("127.0.0.1", 0))
        return [str(listener.getsockname()[1]) for listener in sockets]


def _group(pid: int) -> list[psutil.Process]:
    members = []
    for process in psutil.process_iter():
        with suppress(OSError):
            if os.getpgid(process.pid) == pid:
                members.append(process)
    return members


def _log_in(stack: PrivateStack, cloud: str) -> tuple[str, str]:
    given = clients.variables(stack.environment, cloud)
    domain = {"id": "default"}
    user = {"name": given["OS_USERNAME"], "domain": domain, "password": given["OS_PASSWORD"]}
    body = {
        "auth": {
            "identity": {"methods": ["password"], "password": {"user": user}},
            "scope": {"project": {"name": given["OS_PROJECT_NAME"], "domain": domain}},
        }
    }
    answer = requests.post(f"{given['OS_AUTH_URL']}/auth/tokens", json=body, timeout=30)
    answer.raise_for_status()
    return answer.headers["X-Subject-Token"], str(answer.json()["token"]["project"]["id"])
