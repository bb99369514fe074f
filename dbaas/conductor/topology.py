"""What our virtual host holds: the exchange, the queues, and the limits that policies put on them.

Queues are declared with what can never change (their type); every limit is a policy, so that an operator
may change one while the broker runs and nothing has to be declared again.
"""

from dataclasses import dataclass
from typing import Any, Final

from kombu import Queue

from dbaas.worker.queues import CONDUCTOR_EXCHANGE
from guestagent.protocol import queues

#: Reports that could not be handled for now; they come back to the conductor after `RETRY_SECONDS`.
RETRY_QUEUE: Final = "conductor.retry"
RETRY_SECONDS: Final = 2.0
#: Reports that can't be handled, for a person to look at.
DEAD_LETTER_QUEUE: Final = "conductor.dead"

_MEBIBYTE: Final = 1024 * 1024
_SECOND_MS: Final = 1000
_DAY_MS: Final = 86_400 * _SECOND_MS
#: A message that came back to its queue so often kills its readers, or finds none that lives.
_DELIVERY_LIMIT: Final = 50


def plain_queues() -> tuple[Queue, ...]:
    """Queues that no Celery worker reads. The heartbeats' is bound to the exchange, the others to none."""
    return (
        Queue(queues.HEARTBEAT_QUEUE, CONDUCTOR_EXCHANGE, routing_key=queues.HEARTBEAT_ROUTING_KEY),
        Queue(RETRY_QUEUE),
        Queue(DEAD_LETTER_QUEUE),
    )


@dataclass(frozen=True, slots=True)
class Policy:
    """A RabbitMQ policy: `definition` applies to the queues whose name matches `pattern`."""

    name: str
    pattern: str
    definition: dict[str, Any]


def policies() -> tuple[Policy, ...]:
    return (
        # An hour or a thousand messages behind: the guest is dead, and must not fill the broker.
        Policy("dbaas-guests", r"^guestagent\.", {
            "max-length": 1000,
            "max-length-bytes": 64 * _MEBIBYTE,
            "message-ttl": 3600 * _SECOND_MS,
            "overflow": "reject-publish",
        }),
        # A beat that nobody read in time is worthless, and newer ones follow.
        Policy("dbaas-heartbeats", r"^conductor\.heartbeats$", {
            "max-length": 50_000,
            "max-length-bytes": 64 * _MEBIBYTE,
            "message-ttl": 30 * _SECOND_MS,
            "overflow": "drop-head",
        }),
        # Full: guests are told so, keep their reports and send them again.
        Policy("dbaas-conductor", r"^conductor$", {
            "delivery-limit": _DELIVERY_LIMIT,
            "dead-letter-exchange": "",
            "dead-letter-routing-key": DEAD_LETTER_QUEUE,
            "dead-letter-strategy": "at-least-once",
            "overflow": "reject-publish",  # at-least-once asks for it
            "max-length": 100_000,
            "max-length-bytes": 256 * _MEBIBYTE,
        }),
        # What is dropped here is no loss: the rows of operations are the truth, and the sweep goes by them.
        Policy("dbaas-taskmanager", r"^taskmanager$", {"delivery-limit": _DELIVERY_LIMIT}),
        Policy("dbaas-retry", r"^conductor\.retry$", {
            "message-ttl": int(RETRY_SECONDS * _SECOND_MS),
            "dead-letter-exchange": queues.CONDUCTOR_EXCHANGE,
            "dead-letter-routing-key": queues.REPORT_ROUTING_KEY,
            "max-length": 100_000,
            "max-length-bytes": 256 * _MEBIBYTE,
            "overflow": "reject-publish",
        }),
        Policy("dbaas-dead-letters", r"^conductor\.dead$", {
            "max-length": 10_000,
            "max-length-bytes": 64 * _MEBIBYTE,
            "message-ttl": 7 * _DAY_MS,
            "overflow": "drop-head",
        }),
    )  # fmt: skip
