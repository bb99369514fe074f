"""The processes of a stack: what each runs, what it may know, and how to see that it is well."""

import os
import socket
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import requests

from compose.local.environment import FLOWER_USER, Environment, process_environment, secret_names
from compose.local.layout import Layout

Settings = Mapping[str, Any]

_WORKER_KEYS: Final = frozenset({"TASKMANAGER_RPC_ENCR_KEY", "INST_RPC_KEY_ENCR_KEY"})
_CONTROL: Final = frozenset(
    {"SECRET_KEY", "DATABASE_URL", "TRANSPORT_URL", "REDIS_URL", "RABBITMQ_MANAGEMENT_URL"}
)
_CHECK_TIMEOUT: Final = 3.0


@dataclass(frozen=True, slots=True)
class Process:
    """One process (group) under the supervisor.

    `secrets` are the secret settings it is told; whatever is not listed stays unknown to it. `check` returns
    None when the process serves, else a few words on what is wrong; it is bounded in time.
    """

    name: str
    command: Callable[[Layout, Settings], list[str]]
    secrets: frozenset[str]
    check: Callable[[Settings], str | None]
    port: str | None = None  # the setting that names the port it listens on
    stop_seconds: int = 15
    starts: int = 20  # lower starts earlier

    def environment(self, layout: Layout, environment: Environment) -> dict[str, str]:
        extra = environment.without(secret_names() - self.secrets)
        extra["DBAAS_ROLE"] = self.name
        if self.name != "host":
            extra["DJANGO_SETTINGS_MODULE"] = "dbaas.settings.local"
            extra["DBAAS_VAR"] = str(layout.var)
        if self.name == "api":
            extra["PROMETHEUS_MULTIPROC_DIR"] = str(layout.metrics)
        if self.name == "flower":
            password = environment.passwords["FLOWER_PASSWORD"]
            extra["FLOWER_BASIC_AUTH"] = f"{FLOWER_USER}:{password}"
        return process_environment(extra)


def _celery(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "celery", "-A", "dbaas", *arguments]


def _api(layout: Layout, settings: Settings) -> list[str]:
    in_memory = Path("/dev/shm")  # noqa: S108 - gunicorn makes a private file there
    heartbeats = in_memory if os.access(in_memory, os.W_OK) else layout.run
    return [
        *(sys.executable, "-m", "gunicorn", "dbaas.wsgi"),
        *("--bind", f"{settings['BIND_HOST']}:{settings['BIND_PORT']}"),
        *("--workers", str(settings["API_WORKERS"]), "--worker-class", "gthread", "--threads", "8"),
        *("--timeout", "60", "--graceful-timeout", "10", "--keep-alive", "15"),
        *("--worker-tmp-dir", str(heartbeats), "--no-control-socket"),
    ]


def _worker(role: str) -> Callable[[Layout, Settings], list[str]]:
    """DBAAS_ROLE in its environment gives it its queue, pool and size (dbaas/worker/roles.py)."""

    def command(layout: Layout, settings: Settings) -> list[str]:
        return _celery("worker", "--hostname", f"{role}@%h", "--loglevel", settings["LOG_LEVEL"])

    return command


def _beat(layout: Layout, settings: Settings) -> list[str]:
    """The schedule is kept in memory: the default file is left broken when beat is killed while writing."""
    return _celery(
        *("beat", "--scheduler", "celery.beat:Scheduler", "--pidfile=", "--loglevel", settings["LOG_LEVEL"]),
    )


def _flower(layout: Layout, settings: Settings) -> list[str]:
    return _celery("flower", f"--port={settings['FLOWER_PORT']}", f"--address={settings['METRICS_HOST']}")


def _host(layout: Layout, settings: Settings) -> list[str]:
    return [sys.executable, "-m", "instances.providers.local.host", "--path", settings["LOCAL_PATH"]]


def _http(host: str, port: str, path: str) -> Callable[[Settings], str | None]:
    def check(settings: Settings) -> str | None:
        address = settings[host]
        address = "127.0.0.1" if address == "0.0.0.0" else address  # noqa: S104
        try:
            answer = requests.get(f"http://{address}:{settings[port]}{path}", timeout=_CHECK_TIMEOUT)
        except requests.Timeout:
            return "does not answer"
        except requests.RequestException:
            return "does not listen"
        return (
            None if answer.status_code in {200, 401} else f"answers {answer.status_code}: {answer.text[:300]}"
        )

    return check


def _running_is_enough(settings: Settings) -> str | None:
    return None


PROCESSES: Final[tuple[Process, ...]] = (
    Process("host", _host, frozenset(), _running_is_enough, stop_seconds=10, starts=10),
    Process(
        "api",
        _api,
        _CONTROL | _WORKER_KEYS | {"COMMAND_SIGNING_KEY"},
        _http("BIND_HOST", "BIND_PORT", "/readyz"),
        port="BIND_PORT",
    ),
    Process(
        "taskmanager",
        _worker("taskmanager"),
        _CONTROL | _WORKER_KEYS | {"COMMAND_SIGNING_KEY"},
        _http("METRICS_HOST", "TASKMANAGER_METRICS_PORT", "/healthz"),
        port="TASKMANAGER_METRICS_PORT",
    ),
    Process(
        "conductor",  # the door for guests: it must not be able to command them
        _worker("conductor"),
        _CONTROL | _WORKER_KEYS,
        _http("METRICS_HOST", "CONDUCTOR_METRICS_PORT", "/healthz"),
        port="CONDUCTOR_METRICS_PORT",
    ),
    Process("beat", _beat, _CONTROL, _running_is_enough, starts=30),
    Process(
        "flower",
        _flower,
        _CONTROL,
        _http("METRICS_HOST", "FLOWER_PORT", "/"),
        port="FLOWER_PORT",
        starts=40,
    ),
)
BY_NAME: Final[Mapping[str, Process]] = {process.name: process for process in PROCESSES}


def busy_ports(settings: Settings) -> list[str]:
    """Sentences about ports that somebody listens on already; call it while the stack is down."""
    found = []
    for process in PROCESSES:
        if process.port is None or not settings[process.port]:
            continue
        host = settings["BIND_HOST" if process.name == "api" else "METRICS_HOST"]
        if is_listening(host, settings[process.port]):
            found.append(f"port {settings[process.port]} ({process.port}) is in use by another program")
    return found


def is_listening(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), timeout=2):
            return True
    except OSError:
        return False
