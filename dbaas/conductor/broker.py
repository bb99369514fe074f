"""Broker accounts: each guest has a queue and a user that can do nothing but read it and report.

Everything here is idempotent, takes a few seconds at most, and raises `ServiceUnavailable` when RabbitMQ's
management API is away or refuses.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Final

from django.conf import settings
from kombu import Connection, Queue

from dbaas.conductor import topology
from dbaas.conductor.management_api import ManagementApi
from dbaas.worker.queues import task_queues
from guestagent.protocol.queues import CONDUCTOR_EXCHANGE, guest_queue
from guestagent.protocol.secret import Secret

#: A guest uses two connections; the rest is room for those that it lost and the broker has not noticed yet.
GUEST_LIMITS: Final = {"max-connections": 10, "max-channels": 40}
_QUEUE_PREFIX: Final = guest_queue("")
_USER_PREFIX: Final = "guest-"
_ALL: Final = {"configure": ".*", "write": ".*", "read": ".*"}


def guest_user(instance_id: str) -> str:
    """Name of the RabbitMQ user of this instance's guest agent."""
    return f"{_USER_PREFIX}{instance_id}"


def virtual_host() -> str:
    return str(Connection(settings.TRANSPORT_URL).virtual_host)


def ensure_vhost() -> None:
    """Create the virtual host of TRANSPORT_URL, with rights for the user named there."""
    vhost = virtual_host()
    if _api().put("vhosts", vhost):
        user = Connection(settings.TRANSPORT_URL).userid or "guest"
        _api().put("permissions", vhost, user, body=_ALL)


def ensure_topology() -> None:
    """Create our exchange, queues, bindings and limits. Limits come first: no queue is ever without."""
    vhost = virtual_host()
    for policy in topology.policies():
        _api().put("policies", vhost, policy.name, body={
            "pattern": policy.pattern, "definition": policy.definition, "apply-to": "queues", "priority": 1,
        })  # fmt: skip
    for queue in (*task_queues(), *topology.plain_queues()):
        _declare(vhost, queue)


def ensure_guest(instance_id: str, password: Secret) -> None:
    """Give the instance its queue and its account. An account that exists gets this password."""
    vhost, user = virtual_host(), guest_user(instance_id)
    _api().put("queues", vhost, guest_queue(instance_id), body=_durable({}))
    _api().put("users", user, body={"password": password.reveal(), "tags": ""})
    _api().put("permissions", vhost, user, body={
        "configure": "^$",
        "write": _exactly(CONDUCTOR_EXCHANGE),
        "read": _exactly(guest_queue(instance_id)),
    })  # fmt: skip
    for limit, value in GUEST_LIMITS.items():
        _api().put("user-limits", user, limit, body={"value": value})


def delete_guest(instance_id: str) -> None:
    """Remove account and queue. The account goes first, which ends the guest's connections."""
    _api().delete("users", guest_user(instance_id))
    _api().delete("queues", virtual_host(), guest_queue(instance_id))


def list_guests() -> frozenset[str]:
    """Ids of the instances that have a queue or an account now, to be compared with those that should."""
    vhost = virtual_host()
    queues = _api().get("queues", vhost) or []
    permissions = _api().get("vhosts", vhost, "permissions") or []
    return _without_prefix(_QUEUE_PREFIX, (str(queue["name"]) for queue in queues)) | _without_prefix(
        _USER_PREFIX, (str(permission["user"]) for permission in permissions)
    )


def _api() -> ManagementApi:
    return _client(settings.RABBITMQ_MANAGEMENT_URL)


@lru_cache(maxsize=4)
def _client(url: str) -> ManagementApi:
    return ManagementApi(url)


def _declare(vhost: str, queue: Queue) -> None:
    exchange = queue.exchange.name if queue.exchange else ""
    if exchange:
        _api().put("exchanges", vhost, exchange, body=_durable({}) | {"type": queue.exchange.type})
    _api().put("queues", vhost, queue.name, body=_durable(queue.queue_arguments or {}))
    if exchange:
        body = {"routing_key": queue.routing_key, "arguments": {}}
        _api().post("bindings", vhost, "e", exchange, "q", queue.name, body=body)


def _durable(arguments: dict[str, Any]) -> dict[str, Any]:
    return {"durable": True, "auto_delete": False, "arguments": arguments}


def _exactly(name: str) -> str:
    """The pattern that matches this name only; permissions are regular expressions."""
    return f"^{re.escape(name)}$"


def _without_prefix(prefix: str, names: Iterable[str]) -> frozenset[str]:
    return frozenset(name.removeprefix(prefix) for name in names if name.startswith(prefix))
