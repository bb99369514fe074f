"""Is this worker well? Parts of it register a question; ``/healthz`` asks them all."""

import time
from collections.abc import Callable
from typing import Any, Final

from celery import bootsteps
from django.conf import settings

from dbaas.common import metrics_server
from dbaas.common.logs import get_logger

log = get_logger(__name__)

_watched: Final[dict[str, Callable[[], bool]]] = {}


class Pulse:
    """Well while it beats."""

    def __init__(self, within_seconds: float) -> None:
        self._within_seconds = within_seconds
        self._beat_at = float("-inf")

    def beat(self) -> None:
        self._beat_at = time.monotonic()

    def is_well(self) -> bool:
        return time.monotonic() - self._beat_at < self._within_seconds


def watch(name: str, is_well: Callable[[], bool]) -> None:
    _watched[name] = is_well


def report() -> tuple[bool, dict[str, str]]:
    """(all well, what each part says). Without any part yet, the worker is still starting: not well."""
    parts = {name: is_well() for name, is_well in _watched.items()}
    return bool(parts) and all(parts.values()), {
        name: "ok" if ok else "not working" for name, ok in parts.items()
    }


class HealthStep(bootsteps.StartStopStep):
    """Serves ``/metrics`` and ``/healthz`` beside the worker; without its port the worker works too."""

    def __init__(self, parent: Any, **options: Any) -> None:
        self._server: Any = None
        super().__init__(parent, **options)

    def start(self, parent: Any) -> None:
        port = parent.app.conf.dbaas_metrics_port
        if not port:
            return
        try:
            self._server = metrics_server.serve(settings.METRICS_HOST, port, report)
        except OSError:
            log.exception("metrics_not_served", port=port)

    def stop(self, parent: Any) -> None:
        if self._server:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    terminate = stop
