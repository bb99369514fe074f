"""Who handles which report. Apps above register in ``AppConfig.ready()``; what nobody registered is refused.

A handler runs inside the transaction that records the report as received, so its database writes happen
exactly once however often the report is delivered. It may raise

* `dbaas.common.errors.NotFound` when the instance or command is not ours (any more): the report is refused;
* a database error or a `retryable` error: the report comes back in a few seconds.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from guestagent.protocol.reports import Heartbeat, Report


@dataclass(frozen=True, slots=True)
class Sender:
    """Whose report it is, proven by the key that opened it. `sequence` grows with each message of a guest."""

    instance_id: str
    sequence: int
    sent_at: datetime


ReportT = TypeVar("ReportT", bound=Report)
Handler = Callable[[Sender, ReportT], None]
HeartbeatHandler = Callable[[Sequence[tuple[Sender, Heartbeat]]], None]

_handlers: dict[type[Report], Callable[[Sender, Any], None]] = {}
_heartbeat_handler: list[HeartbeatHandler] = []


def register(report_type: type[ReportT], handler: Handler[ReportT]) -> None:
    """`handler` takes in reports of this type from now on; it replaces one registered before."""
    _handlers[report_type] = handler


def register_heartbeats(handler: HeartbeatHandler) -> None:
    """`handler` gets each batch, with at most one beat (the newest) of each guest."""
    _heartbeat_handler[:] = [handler]


def handler_for(report: Report) -> Callable[[Sender, Any], None] | None:
    return _handlers.get(type(report))


def heartbeat_handler() -> HeartbeatHandler | None:
    return _heartbeat_handler[0] if _heartbeat_handler else None
