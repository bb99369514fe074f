"""The services we lean on: the control database, RabbitMQ and Redis."""

import time
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import urlsplit

import requests
from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from kombu import Connection
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from dbaas.common.doctor.findings import Finding, error, ok, warning
from dbaas.common.redisclient import redis
from guestagent.protocol import queues

_TIMEOUT_SECONDS: Final = 5
_MOST_SKEW_SECONDS: Final = 5.0
_START_ALL: Final = "Run `make up`."


def database() -> Iterator[Finding]:
    vendor = connection.vendor
    try:
        connection.ensure_connection()
    except DatabaseError as problem:
        yield error(
            "Control database",
            f"{vendor} cannot be reached ({type(problem).__name__})",
            "Is DATABASE_URL right, and its server up? For SQLite: may we write to the folder?",
        )
        return
    executor = MigrationExecutor(connection)
    missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if missing:
        yield error(
            "Control database", f"{len(missing)} migrations are not applied", "Run `manage.py migrate`."
        )
    else:
        yield ok("Control database", f"{vendor}, migrated")


def redis_server() -> Iterator[Finding]:
    try:
        version = redis().info("server")["redis_version"]
    except RedisError as problem:
        yield error(
            "Redis", f"does not answer ({type(problem).__name__})", f"Is REDIS_URL right? {_START_ALL}"
        )
    else:
        yield ok("Redis", str(version))


def rabbitmq() -> Iterator[Finding]:
    try:
        with Connection(settings.TRANSPORT_URL, connect_timeout=_TIMEOUT_SECONDS) as broker:
            broker.ensure_connection(max_retries=1, timeout=_TIMEOUT_SECONDS)
            version = broker.connection.server_properties.get("version", "")
    except (OperationalError, OSError) as problem:
        yield error(
            "RabbitMQ", f"refuses us ({type(problem).__name__})", f"Is TRANSPORT_URL right? {_START_ALL}"
        )
    except Exception as problem:  # the AMQP library has its own family for refused logins and virtual hosts
        says = f"knows neither our account nor our virtual host ({type(problem).__name__})"
        yield error("RabbitMQ", says, f"{_START_ALL} It makes both.")
    else:
        yield ok("RabbitMQ", str(version))


def rabbitmq_management() -> Iterator[Finding]:
    about = "RabbitMQ management"
    try:
        who = _management("whoami")
    except requests.ConnectionError:
        yield error(about, "does not listen", "As root: rabbitmq-plugins enable rabbitmq_management")
        return
    if who is None or "administrator" not in who["tags"]:
        mend = (
            "Name an administrator's account in RABBITMQ_MANAGEMENT_URL: guests are given accounts with it."
        )
        yield error(about, "our account is not an administrator's", mend)
        return
    if _management("health/checks/alarms") is None:
        yield error(
            about, "an alarm is on: RabbitMQ takes no messages", "Make room: disk or memory is short there."
        )
    if _has_default_account():
        yield warning(
            about,
            "the account guest/guest works: any program on this machine, a tenant's database too, can use it",
            "When nothing else needs it (our tests do): rabbitmqctl delete_user guest",
        )
    yield ok(about, f"as {who['name']}")


def topology() -> Iterator[Finding]:
    """Our queues are there and somebody reads them."""
    with Connection(settings.TRANSPORT_URL, connect_timeout=_TIMEOUT_SECONDS) as broker:
        for name in (queues.TASKMANAGER_QUEUE, queues.CONDUCTOR_QUEUE, queues.HEARTBEAT_QUEUE):
            try:
                with broker.channel() as channel:
                    queue: Any = channel.queue_declare(name, passive=True)  # type: ignore[attr-defined]
            except broker.channel_errors:
                yield error(f"Queue {name}", "is missing", _START_ALL)
                continue
            waiting = f"{queue.message_count} messages wait"
            if queue.consumer_count:
                yield ok(f"Queue {name}", waiting)
            else:
                yield error(f"Queue {name}", f"nobody reads it; {waiting}", _START_ALL)


def clock() -> Iterator[Finding]:
    """Messages carry the time; guests and servers must agree on it within a minute."""
    seconds, microseconds = redis().time()
    skew = abs(time.time() - (seconds + microseconds / 1e6))
    if skew > _MOST_SKEW_SECONDS:
        yield error(
            "Clock", f"differs by {skew:.0f} s from Redis's machine", "Let NTP set the clocks of both."
        )
    else:
        yield ok("Clock", "agrees with Redis's machine")


def _management(path: str) -> Any:
    """The decoded answer, or None when it was refused. Raises requests.RequestException."""
    url = f"{settings.RABBITMQ_MANAGEMENT_URL.rstrip('/')}/api/{path}"
    answer = requests.get(url, timeout=_TIMEOUT_SECONDS)
    return answer.json() if answer.ok else None


def _has_default_account() -> bool:
    parts = urlsplit(settings.RABBITMQ_MANAGEMENT_URL)
    url = f"{parts.scheme}://{parts.hostname}:{parts.port or 15672}/api/whoami"
    return requests.get(url, auth=("guest", "guest"), timeout=_TIMEOUT_SECONDS).ok
