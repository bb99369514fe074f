"""Structured logs: one event per line, with the context of the work, and no secrets.

Everything goes through structlog's processors, the standard library's loggers too, so that redaction can't
be gone around. ``settings.LOGGING_CONFIG`` names `configure`; Django calls it with ``settings.LOGGING``.
"""

import logging.config
import re
from collections.abc import Mapping, MutableMapping
from typing import Any, cast

import structlog
from structlog.typing import EventDict, Processor

from guestagent.protocol.secret import Secret

HIDDEN = "***"
_SECRET_KEY = re.compile(
    r"passw|secret|token|authorization|cookie|credential|private|encr_key|signing_key|api_key|envelope",
    re.IGNORECASE,
)
_SECRET_TEXT = (
    (re.compile(r"(?<=://)[^/\s:@]*:[^/\s@]+(?=@)"), HIDDEN),  # scheme://user:password@host
    (re.compile(r"(?i)((?:x-auth-token|x-subject-token|authorization|cookie)['\"]?\s*[:=]\s*)[^\s,;}]+(\s+[^\s,;}]+)?"),
     r"\1" + HIDDEN),
    (re.compile(r"(?i)((?:password|passwd|secret|token)['\"]?\s*[:=]\s*)('[^']*'|\"[^\"]*\"|[^\s,;&}]+)"),
     r"\1" + HIDDEN),
)  # fmt: skip
_MAX_DEPTH = 6


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """A logger: events are words, facts are keyword arguments, as in ``log.info("built", seconds=3)``."""
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return logger


def redact_text(text: str) -> str:
    """The text with passwords of URLs and ``password=…``-like parts hidden."""
    for pattern, replacement in _SECRET_TEXT:
        text = pattern.sub(replacement, text)
    return text


def redact(value: Any, depth: int = 0) -> Any:
    """A copy without secrets: `Secret` objects, values under telling keys, and telling text."""
    if isinstance(value, Secret):
        return HIDDEN
    if isinstance(value, str):
        return redact_text(value)
    if depth >= _MAX_DEPTH:
        return "…" if isinstance(value, Mapping | list | tuple | set) else value
    if isinstance(value, Mapping):
        return {
            key: HIDDEN if item and _SECRET_KEY.search(str(key)) else redact(item, depth + 1)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple | set | frozenset):
        return [redact(item, depth + 1) for item in value]
    return value


def _redact_event(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> EventDict:
    return cast("EventDict", redact(event))


def _shared_processors() -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,  # plain: a traceback with local variables shows secrets
        structlog.processors.UnicodeDecoder(),
    ]


def configure(options: Mapping[str, str]) -> None:
    """Send all logs to standard error. Options: ``format`` ("json" or "console") and ``level``."""
    shared = _shared_processors()
    renderer: Processor = (
        structlog.processors.JSONRenderer(default=str, ensure_ascii=False)
        if options["format"] == "json"
        else structlog.dev.ConsoleRenderer(colors=False, sort_keys=False)
    )
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.PositionalArgumentsFormatter(),
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    logging.config.dictConfig(_standard_library(options["level"], shared, renderer))


def _standard_library(level: str, shared: list[Processor], renderer: Processor) -> dict[str, Any]:
    finish: list[Processor] = [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta, _redact_event, renderer,
    ]  # fmt: skip
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "structured": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": shared,
                "processors": finish,
            }
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "structured"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            # The access line says it already; Django's own would say it again with the whole path.
            "django": {"handlers": [], "level": level, "propagate": True},
            "django.request": {"level": "ERROR", "propagate": True},
            "django.server": {"handlers": [], "level": "WARNING", "propagate": True},
            "django.security": {"level": "ERROR", "propagate": True},
            # A line for each tick of each worker says nothing; Flower and the metrics count them.
            "celery.app.trace": {"level": "WARNING"},
            "celery.worker.strategy": {"level": "WARNING"},
            "celery.beat": {"level": "WARNING"},
            "amqp": {"level": "WARNING"},
            "kombu": {"level": "WARNING"},
            "urllib3": {"level": "WARNING"},
        },
    }
