"""Taking in one report: open → verify → drop duplicates and stale → registered handler → inbox.

Whatever is wrong with a message is a refusal: counted by reason, logged without its content, and over. What
is wrong with *us* (a database that is away, a bug) is raised, for the task to try again later.
"""

import re
from datetime import UTC, datetime
from typing import Final

import msgspec
from django.db import transaction

from dbaas.common import context, metrics
from dbaas.common.errors import NotFound
from dbaas.common.logs import get_logger
from dbaas.conductor import handlers, history, inbox, keys
from dbaas.conductor.handlers import Sender
from guestagent.protocol.envelope import Direction, EnvelopeRefused, Header, Refusal, open_envelope
from guestagent.protocol.reports import (
    CommandFinished,
    CommandProgressed,
    Heartbeat,
    Report,
    decode_report,
    kind_of,
)

log = get_logger(__name__)

#: Of these only the newest counts; a report that was overtaken by a later one is dropped.
_NEWEST_ONLY: Final = (CommandProgressed,)
_MAX_SEQUENCE: Final = 2**63 - 1
_IDENTIFIER: Final = re.compile(r"[A-Za-z0-9._:-]{1,64}")
_TRACE_NAMES: Final = ("request_id", "project_id", "operation_id")


def take_in(envelope: str) -> None:
    """Handle one sealed report, once. Returns also when it was refused; raises what trying again may mend."""
    try:
        header, report = _open(envelope)
    except EnvelopeRefused as refusal:
        refuse(refusal)
        return
    with context.bound(**trace_of(header)):
        try:
            _handle(header, report)
        except EnvelopeRefused as refusal:
            refuse(refusal, kind=header.kind)
            if refusal.reason is not Refusal.REPLAY:
                return
        else:
            metrics.REPORTS_RECEIVED.labels(header.kind).inc()
        # A duplicate's answer goes out too: its twin may have died between its commit and this line.
        if header.reply and isinstance(report, CommandFinished):
            inbox.put(report.command_id, report, instance_id=header.instance_id)


def refuse(refusal: EnvelopeRefused, **facts: str) -> None:
    """Count and log. The text of a refusal holds no payload, and facts must not either."""
    metrics.REPORTS_REFUSED.labels(refusal.reason.value).inc()
    log.warning("report_refused", reason=refusal.reason.value, **facts)


def check_header(header: Header) -> None:
    """Raises EnvelopeRefused(MALFORMED) for values that our database could not hold. A guest may lie."""
    if not _IDENTIFIER.fullmatch(header.message_id) or not 0 <= header.sequence <= _MAX_SEQUENCE:
        raise EnvelopeRefused(Refusal.MALFORMED, "message id or sequence")


def sender_of(header: Header) -> Sender:
    return Sender(
        instance_id=header.instance_id,
        sequence=header.sequence,
        sent_at=datetime.fromtimestamp(header.sent_at_ms / 1000, tz=UTC),
    )


def trace_of(header: Header) -> dict[str, str]:
    """What the guest says this belongs to, for logs only, in so far as it looks like ids."""
    trace = {name: header.trace.get(name, "") for name in _TRACE_NAMES}
    return {"instance_id": header.instance_id} | {
        name: value for name, value in trace.items() if _IDENTIFIER.fullmatch(value)
    }


def _open(envelope: str) -> tuple[Header, Report]:
    opened = open_envelope(
        envelope,
        direction=Direction.REPORT,
        instance_id=None,
        key_for=keys.cache.instance_key,
        public_key_for=keys.cache.public_key,
        max_age_seconds=history.REPORT_MAX_AGE_SECONDS,
    )
    check_header(opened.header)
    try:
        report = decode_report(opened.payload)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise EnvelopeRefused(Refusal.KIND, "unreadable payload") from error
    if kind_of(report) != opened.header.kind or isinstance(report, Heartbeat):
        raise EnvelopeRefused(Refusal.KIND, "not what the header says, or not for this queue")
    is_about_command = isinstance(report, CommandFinished | CommandProgressed)
    if is_about_command and not _IDENTIFIER.fullmatch(report.command_id):
        raise EnvelopeRefused(Refusal.MALFORMED, "command id")
    return opened.header, report


def _handle(header: Header, report: Report) -> None:
    handler = handlers.handler_for(report)
    if handler is None:
        raise EnvelopeRefused(Refusal.KIND, "nobody handles it")
    with transaction.atomic():
        history.remember(header)
        if isinstance(report, _NEWEST_ONLY) and history.is_stale(header):
            raise EnvelopeRefused(Refusal.REPLAY, "overtaken by a later one")
        try:
            handler(sender_of(header), report)
        except NotFound as error:
            raise EnvelopeRefused(Refusal.UNKNOWN_INSTANCE) from error
