"""Our own part: settings, files, and the processes."""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import requests
from django.conf import settings
from django.core import checks

from dbaas.common.doctor.findings import Finding, error, ok, warning
from dbaas.common.redisclient import redis
from dbaas.settings import options  # noqa: TID251 - where the stack's files are

_TIMEOUT_SECONDS: Final = 5
_PRIVATE: Final = ("env", "credentials", "openrc", "adminrc", "clouds.yaml", "control.sqlite3")
#: Beat has the task manager sweep every two seconds; the sweeper leaves the time here.
SWEPT_AT_KEY: Final = "dbaas:swept-at"
_SWEEP_SILENCE_SECONDS: Final = 30
_SWEEP_PATIENCE_SECONDS: Final = 4


def configuration() -> Iterator[Finding]:
    """Django's system checks, ours among them."""
    messages = [message for message in checks.run_checks() if message.level >= checks.WARNING]
    for message in messages:
        make = error if message.level >= checks.ERROR else warning
        yield make(f"Settings ({message.id})", message.msg, message.hint or "See `manage.py config_sample`.")
    if not messages:
        yield ok("Settings", "fit")


def private_files() -> Iterator[Finding]:
    """Files with secrets are their owner's alone."""
    found = [path for path in (options.VAR / name for name in _PRIVATE) if path.exists()]
    is_open = [path for path in found if path.stat().st_mode & 0o077]
    for path in is_open:
        yield error("Private files", f"others may read {path}", f"chmod 600 {path}")
    if found and not is_open:
        yield ok("Private files", "are private")


def folders() -> Iterator[Finding]:
    """Database servers run as users of their own, who must be able to reach their folders."""
    path = Path(settings.LOCAL_PATH)
    if settings.PROVIDER != "local" or not path.exists():
        return
    if not os.access(path, os.W_OK):
        yield error(
            "Local path", f"we may not write to {path}", f"Give it to this user: chown -R $USER {path}"
        )
    elif os.geteuid() == 0 and (closed := [p for p in (path, *path.parents) if not p.stat().st_mode & 0o001]):
        yield error(
            "Local path", f"others may not pass {closed[0]}", f"chmod o+x {closed[0]}, or set LOCAL_PATH."
        )
    else:
        yield ok("Local path", str(path))


def processes() -> Iterator[Finding]:
    """api, taskmanager, conductor and Flower, asked as their watchdogs ask them."""
    for name, host, port, path in (
        ("api", settings.BIND_HOST, settings.BIND_PORT, "/readyz"),
        ("taskmanager", settings.METRICS_HOST, settings.TASKMANAGER_METRICS_PORT, "/healthz"),
        ("conductor", settings.METRICS_HOST, settings.CONDUCTOR_METRICS_PORT, "/healthz"),
        ("flower", settings.METRICS_HOST, settings.FLOWER_PORT, "/"),
    ):
        if port:
            yield _process(name, f"http://{_reachable(host)}:{port}{path}")


def beat() -> Iterator[Finding]:
    """Looks twice: a stack that has just been started may not have ticked yet."""
    if (silence := _silence_of_beat()) is None or silence > _SWEEP_SILENCE_SECONDS:
        time.sleep(_SWEEP_PATIENCE_SECONDS)
        silence = _silence_of_beat()
    mend = "Are beat and a taskmanager up? `make status`, `make logs NAME=beat`."
    if silence is None:
        yield error("Process beat", "has never been heard of", mend)
    elif silence > _SWEEP_SILENCE_SECONDS:
        yield error("Process beat", f"was last heard of {silence:.0f} s ago", mend)
    else:
        yield ok("Process beat", "keeps time")


def _silence_of_beat() -> float | None:
    """Seconds since the last sweep that beat asked for."""
    swept_at = redis().get(SWEPT_AT_KEY)
    return time.time() - float(str(swept_at)) if swept_at else None


def _process(name: str, url: str) -> Finding:
    about, mend = f"Process {name}", f"`make up` starts it; `make logs NAME={name}` shows what it says."
    try:
        answer = requests.get(url, timeout=_TIMEOUT_SECONDS)
    except requests.RequestException:
        return error(about, f"does not answer at {url}", mend)
    if answer.status_code in {200, 401}:
        return ok(about, "answers")
    return error(about, f"answers {answer.status_code}: {answer.text[:200]}", mend)


def _reachable(host: str) -> str:
    return "127.0.0.1" if host in {"0.0.0.0", "::"} else host  # noqa: S104 - an address to call, not to bind
