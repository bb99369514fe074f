"""The conductor's Celery consumer, which trusts nothing that a guest writes around its envelope.

A Celery message can name any task, carry callbacks that the worker would publish with *its* rights, ask to
be held back for a year, or come compressed a thousandfold. Guests write to the conductor's queue, so of a
message only the envelope is taken; everything else is made anew, and what doesn't look like a report is
dropped, counted and logged without its content.
"""

import re
import uuid
from collections.abc import Callable
from typing import Any, Final

import msgspec
from celery.utils.log import get_logger as get_celery_logger
from kombu import compression

from dbaas.conductor.intake import refuse
from dbaas.worker.consumer import LeanConsumer
from guestagent.protocol.envelope import MAX_ENVELOPE_CHARS, EnvelopeRefused, Refusal
from guestagent.protocol.queues import REPORT_TASK

logger = get_celery_logger(__name__)

MAX_BODY_BYTES: Final = MAX_ENVELOPE_CHARS + 4096
_TASK_ID: Final = re.compile(r"[A-Za-z0-9-]{1,64}")
_MAX_RETRIES: Final = 2**31

#: A task call is [arguments, keyword arguments, embedded callbacks]; only the first argument is read.
_decode_call = msgspec.json.Decoder(tuple[tuple[str], msgspec.Raw, msgspec.Raw]).decode
_encode = msgspec.json.Encoder().encode


class ReportConsumer(LeanConsumer):
    """Consumes reports and nothing else."""

    strategies: dict[str, Any]
    connection_errors: tuple[type[Exception], ...]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        forbid_compression()
        super().__init__(*args, **kwargs)

    def update_strategies(self) -> None:
        """Know one task, whatever else the application has."""
        super().update_strategies()
        for name in set(self.strategies) - {REPORT_TASK}:
            del self.strategies[name]

    def create_task_handler(self, *args: Any, **kwargs: Any) -> Callable[[Any], None]:
        handle = super().create_task_handler(*args, **kwargs)

        def on_message(message: Any) -> None:
            try:
                make_anew(message)
            except EnvelopeRefused as refusal:
                self._drop(message, refusal)
            else:
                handle(message)

        return on_message

    def on_decode_error(self, message: Any, exc: Exception) -> None:
        self._drop(message, EnvelopeRefused(Refusal.MALFORMED, "undecodable message"))

    def on_unknown_message(self, body: Any, message: Any) -> None:
        self._drop(message, EnvelopeRefused(Refusal.MALFORMED, "unknown message"))

    def on_unknown_task(self, body: Any, message: Any, exc: Exception) -> None:
        self._drop(message, EnvelopeRefused(Refusal.MALFORMED, "unknown task"))

    def on_invalid_task(self, body: Any, message: Any, exc: Exception) -> None:
        self._drop(message, EnvelopeRefused(Refusal.MALFORMED, "invalid task"))

    def _drop(self, message: Any, refusal: EnvelopeRefused) -> None:
        refuse(refusal)
        message.ack_log_error(logger, self.connection_errors)


def make_anew(message: Any) -> None:
    """Replace all of a kombu message but its envelope. Raises EnvelopeRefused(MALFORMED)."""
    headers = message.headers
    if message.errors or not isinstance(headers, dict) or headers.get("task") != REPORT_TASK:
        raise EnvelopeRefused(Refusal.MALFORMED, "not a report")
    envelope = envelope_of(message.body)
    retries = headers.get("retries")
    task_id = headers.get("id")
    if not isinstance(task_id, str) or not _TASK_ID.fullmatch(task_id):
        task_id = str(uuid.uuid4())
    message.headers = {
        "lang": "py",
        "task": REPORT_TASK,
        "id": task_id,
        "root_id": task_id,
        "retries": retries if type(retries) is int and 0 <= retries < _MAX_RETRIES else 0,
        "argsrepr": "('<sealed>',)",
        "kwargsrepr": "{}",
        "ignore_result": True,
    }
    message.properties = {"correlation_id": task_id}
    message.content_type, message.content_encoding = "application/json", "utf-8"
    message.body = _encode(((envelope,), {}, {}))


def envelope_of(body: bytes | str) -> str:
    """The envelope in the body of a task call. Raises EnvelopeRefused(MALFORMED)."""
    if len(body) > MAX_BODY_BYTES:
        raise EnvelopeRefused(Refusal.MALFORMED, "too long")
    try:
        return _decode_call(body)[0][0]
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise EnvelopeRefused(Refusal.MALFORMED, "not the call of a report") from error


def forbid_compression() -> None:
    """kombu unpacks whatever a header calls compressed, to any size. Nobody here compresses."""
    for content_type in compression.encoders():
        compression.register(_refuse_compression, _refuse_compression, content_type)


def _refuse_compression(_body: bytes) -> bytes:
    raise ValueError("compressed messages are not accepted")
