"""RabbitMQ and Redis: used where they run, started where they are installed but do not.

Root starts Debian's own services (through systemd where there is one). An ordinary user gets private ones
with their files in ``var/services``; those stop with the stack, the system's do not.
"""

import contextlib
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import psutil
import requests

from compose.local.console import fail, step
from compose.local.environment import Environment
from compose.local.layout import Layout
from compose.local.processes import is_listening

_START_SECONDS: Final = 90.0
_STOP_SECONDS: Final = 30.0
_RUN_SECONDS: Final = 120.0
_RABBITMQ_LIB: Final = Path("/usr/lib/rabbitmq/bin")
_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
_DEFAULT_ACCOUNT: Final = ("guest", "guest")


def ensure(layout: Layout, environment: Environment) -> None:
    """RabbitMQ with its management API and our account and virtual host, and Redis. Raises Failure."""
    redis = urlsplit(environment.parsed()["REDIS_URL"])
    broker = urlsplit(environment.parsed()["TRANSPORT_URL"])
    management = urlsplit(environment.parsed()["RABBITMQ_MANAGEMENT_URL"])
    _ensure_listening(
        "Redis", redis.hostname, redis.port or 6379, lambda: _start_redis(layout, redis.port or 6379)
    )
    _ensure_listening("RabbitMQ", broker.hostname, broker.port or 5672, lambda: _start_rabbitmq(layout))
    _ensure_listening(
        "RabbitMQ management",
        management.hostname,
        management.port or 15672,
        lambda: _enable_management(layout),
    )
    ensure_account(environment)


def are_private(layout: Layout) -> bool:
    """Whether the RabbitMQ we use is one that we started: then its files are all there is to remove."""
    return (layout.services / "rabbitmq").exists()


def stop_private(layout: Layout) -> None:
    """Stop the RabbitMQ and Redis that we started as an ordinary user, if any; killed when they take long."""
    for pid_file in layout.services.glob("*/pid"):
        with contextlib.suppress(psutil.NoSuchProcess, ValueError):
            process = psutil.Process(int(pid_file.read_text()))
            if pid_file.parent.name in " ".join(process.cmdline()):  # not a stranger with an old number
                process.terminate()
                if not _is_gone_within(process, _STOP_SECONDS):
                    process.kill()
        pid_file.unlink(missing_ok=True)


def _is_gone_within(process: psutil.Process, seconds: float) -> bool:
    """A zombie counts as gone: in a container, nobody may be there to reap it."""
    deadline = time.monotonic() + seconds
    while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def ensure_account(environment: Environment) -> None:
    """Our own account and virtual host on the broker, made with the broker's default account when missing."""
    broker = urlsplit(environment.parsed()["TRANSPORT_URL"])
    management = urlsplit(environment.parsed()["RABBITMQ_MANAGEMENT_URL"])
    api = f"{management.scheme}://{management.hostname}:{management.port or 15672}/api"
    ours = (unquote(management.username or ""), unquote(management.password or ""))
    if _call("GET", f"{api}/whoami", ours) is None:
        _create_account(api, ours)
    host = broker.path[1:]
    _must("PUT", f"{api}/vhosts/{host}", ours, {})
    everything = {"configure": ".*", "write": ".*", "read": ".*"}
    _must("PUT", f"{api}/permissions/{host}/{broker.username}", ours, everything)
    if ours != _DEFAULT_ACCOUNT:
        _call("DELETE", f"{api}/permissions/{host}/guest", ours)


def delete_account(environment: Environment) -> None:
    """Remove our virtual host, the accounts of its guests, and our own account. Best effort."""
    broker = urlsplit(environment.parsed()["TRANSPORT_URL"])
    management = urlsplit(environment.parsed()["RABBITMQ_MANAGEMENT_URL"])
    api = f"{management.scheme}://{management.hostname}:{management.port or 15672}/api"
    ours = (unquote(management.username or ""), unquote(management.password or ""))
    host = broker.path[1:]
    for permission in _call("GET", f"{api}/vhosts/{host}/permissions", ours) or []:
        if permission["user"] not in {"guest", ours[0]}:
            _call("DELETE", f"{api}/users/{permission['user']}", ours)
    _call("DELETE", f"{api}/vhosts/{host}", ours)
    if ours != _DEFAULT_ACCOUNT:
        _call("DELETE", f"{api}/users/{ours[0]}", ours)


def _create_account(api: str, ours: tuple[str, str]) -> None:
    user = {"password": ours[1], "tags": "administrator"}
    if _call("PUT", f"{api}/users/{ours[0]}", _DEFAULT_ACCOUNT, user) is None:
        fail(
            f"RabbitMQ at {api} knows neither our account nor its default one. Name an administrator's:\n"
            "  TRANSPORT_URL=amqp://USER:PASSWORD@HOST:5672/dbaas "
            "RABBITMQ_MANAGEMENT_URL=http://USER:PASSWORD@HOST:15672 make up"
        )


def _must(method: str, url: str, account: tuple[str, str], body: Mapping[str, Any]) -> None:
    if _call(method, url, account, body) is None:
        fail(f"RabbitMQ refuses {method} {url} to the account {account[0]!r}; is it an administrator?")


def _call(method: str, url: str, account: tuple[str, str], body: Mapping[str, Any] | None = None) -> Any:
    """The decoded answer, {} when it is empty, None when it was refused."""
    deadline = time.monotonic() + 20
    while True:
        try:
            answer = requests.request(method, url, auth=account, json=body, timeout=10)
        except requests.RequestException as error:
            if time.monotonic() > deadline:
                fail(f"RabbitMQ's management API does not answer at {url}: {type(error).__name__}")
            time.sleep(0.2)  # it has just been started
            continue
        if answer.status_code >= 500 and time.monotonic() < deadline:
            time.sleep(0.2)
            continue
        return (answer.json() if answer.content else {}) if answer.ok else None


def _ensure_listening(name: str, host: str | None, port: int, start: Callable[[], None]) -> None:
    if is_listening(host or "127.0.0.1", port):
        return
    if host not in _LOOPBACK:
        fail(
            f"{name} does not listen at {host}:{port}, and it is not on this machine, so it cannot be started"
        )
    with step(f"Starting {name}"):
        start()
        wait_listening(name, host or "127.0.0.1", port)


def wait_listening(name: str, host: str, port: int) -> None:
    """Return when it listens; raises Failure when it takes too long."""
    deadline = time.monotonic() + _START_SECONDS
    while not is_listening(host, port):
        if time.monotonic() > deadline:
            fail(f"{name} was started but does not listen on port {port}; see its log")
        time.sleep(0.1)


def _start_redis(layout: Layout, port: int) -> None:
    if os.geteuid() == 0 and port == 6379 and Path("/etc/redis/redis.conf").exists():
        if not _systemctl("redis-server"):
            Path("/run/redis").mkdir(exist_ok=True)
            shutil.chown("/run/redis", "redis", "redis")
            run("runuser", "-u", "redis", "--", "redis-server", "/etc/redis/redis.conf", "--daemonize", "yes")
        return
    folder = layout.services / "redis"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    run(
        *(
            "redis-server",
            "--port",
            str(port),
            "--bind",
            "127.0.0.1",
            "--daemonize",
            "yes",
            "--dir",
            str(folder),
        ),
        *("--pidfile", str(folder / "pid"), "--logfile", str(folder / "log")),
    )


def _start_rabbitmq(layout: Layout) -> None:
    if os.geteuid() == 0:
        _enable_management(layout)
        if not _systemctl("rabbitmq-server"):
            run("rabbitmq-server", "-detached")
        return
    folder = layout.services / "rabbitmq"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    (folder / "plugins").write_text("[rabbitmq_management].\n")
    settings = {
        "HOME": str(folder),
        "RABBITMQ_NODENAME": f"dbaas-{os.getuid()}@localhost",
        "RABBITMQ_MNESIA_BASE": str(folder),
        "RABBITMQ_LOG_BASE": str(folder),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
        "RABBITMQ_PID_FILE": str(folder / "pid"),
        "RABBITMQ_CONF_ENV_FILE": "/dev/null",
        "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
    }
    with (folder / "log").open("ab") as log:
        subprocess.Popen(
            [str(_RABBITMQ_LIB / "rabbitmq-server")], env={**os.environ, **settings}, cwd=folder,
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip


def _enable_management(layout: Layout) -> None:
    if os.geteuid() != 0:
        fail(
            "RabbitMQ runs without its management API, which gives each guest its account. As root:\n"
            "  rabbitmq-plugins enable rabbitmq_management"
        )
    run("rabbitmq-plugins", "enable", "rabbitmq_management")


def _systemctl(unit: str) -> bool:
    if not Path("/run/systemd/system").exists():
        return False
    run("systemctl", "start", unit)
    return True


def find_program(name: str) -> str:
    """Where an installed program is; services live in sbin, which ordinary users' PATH may lack."""
    return shutil.which(name, path=_search_path()) or fail(f"{name} is not installed: run `make install`")


def run(*command: str) -> None:
    """Run a program to its end, quietly. Raises Failure with what it said."""
    try:
        result = subprocess.run(
            [find_program(command[0]), *command[1:]], env={**os.environ, "PATH": _search_path()},
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_RUN_SECONDS, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        fail(f"`{' '.join(command)}` did not end within {_RUN_SECONDS:.0f} s")
    if result.returncode != 0:
        fail(f"`{' '.join(command)}` failed: {(result.stderr or result.stdout).strip()[-2000:]}")


def _search_path() -> str:
    return f"{os.environ.get('PATH', '/usr/bin:/bin')}:/usr/sbin:/sbin"
