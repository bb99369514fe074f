"""JSON lines on stderr, with the request's ids on each line and without secrets.

The standard library only: a structured-logging package would add a fifth to the agent's memory.
"""

import json
import logging
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final

import msgspec

from guestagent.protocol.guest_config import GuestConfig
from guestagent.protocol.secret import Secret

_PLAIN_ATTRIBUTES: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
#: Shorter ones would blot out innocent words, and no generated secret is that short.
_SHORTEST_REDACTED: Final = 4

_context: ContextVar[Mapping[str, str]] = ContextVar("log_context", default=MappingProxyType({}))
_secrets: ContextVar[frozenset[str]] = ContextVar("log_secrets", default=frozenset())
_standing_secrets: set[str] = set()


def configure(config: GuestConfig) -> None:
    """Send all logging to stderr; the configuration's own secrets are redacted from now on."""
    _standing_secrets.update(secrets_in(config))
    handler = logging.StreamHandler(sys.stderr)
    ids = {"instance_id": config.instance_id, "project_id": config.project_id}
    handler.setFormatter(JsonFormatter(ids) if config.log_json else LineFormatter(ids))
    logging.basicConfig(level=config.log_level, handlers=[handler], force=True)
    for noisy in ("celery", "kombu", "amqp", "asyncio"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


@contextmanager
def bound(ids: Mapping[str, str], secrets: frozenset[str] = frozenset()) -> Iterator[None]:
    """Put `ids` on each line that this thread logs meanwhile, and keep `secrets` out of them."""
    context_token = _context.set({**_context.get(), **ids})
    secrets_token = _secrets.set(_secrets.get() | secrets)
    try:
        yield
    finally:
        _context.reset(context_token)
        _secrets.reset(secrets_token)


def secrets_in(value: Any) -> frozenset[str]:
    """The text of each Secret inside structs, mappings and sequences."""
    if isinstance(value, Secret):
        return frozenset({value.reveal()})
    if isinstance(value, msgspec.Struct):
        value = [getattr(value, name) for name in value.__struct_fields__]
    elif isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list | tuple):
        return frozenset().union(*map(secrets_in, value))
    return frozenset()


def redact(text: str) -> str:
    """`text` without the secrets that this thread is handling."""
    for secret in sorted(_secrets.get() | _standing_secrets, key=len, reverse=True):
        if len(secret) >= _SHORTEST_REDACTED:
            text = text.replace(secret, "***")
    return text


class _Formatter(logging.Formatter):
    def __init__(self, ids: Mapping[str, str]) -> None:
        super().__init__()
        self._ids = ids

    def fields(self, record: logging.LogRecord) -> dict[str, Any]:
        extra = {name: value for name, value in vars(record).items() if name not in _PLAIN_ATTRIBUTES}
        fields = {**_context.get(), **extra}
        return {name: redact(value) if isinstance(value, str) else value for name, value in fields.items()}

    def traceback(self, record: logging.LogRecord) -> str:
        return redact(self.formatException(record.exc_info)) if record.exc_info else ""


class JsonFormatter(_Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": redact(record.getMessage()),
            **self._ids,
            **self.fields(record),
        }
        if record.exc_info:
            line["exception"] = self.traceback(record)
        return json.dumps(line, default=lambda value: redact(str(value)))


class LineFormatter(_Formatter):
    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        fields = " ".join(f"{name}={value}" for name, value in self.fields(record).items())
        line = f"{at} {record.levelname:<7} {record.name}: {redact(record.getMessage())} {fields}".rstrip()
        return f"{line}\n{self.traceback(record)}" if record.exc_info else line
