"""Prometheus metrics: every name is declared here, so that a dashboard can be written from one page.

With ``PROMETHEUS_MULTIPROC_DIR`` set (several API processes) the counters of all processes are added up.
Values that live in the database are read when asked for: an app registers a collector in ``AppConfig.ready``.
"""

import os
import threading
from collections.abc import Callable, Iterable
from typing import Final

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Histogram,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from dbaas.common.logs import get_logger

log = get_logger(__name__)

Collect = Callable[[], Iterable[Metric]]

REQUEST_SECONDS: Final = Histogram(
    "dbaas_http_request_seconds", "Time to answer a request.", ("method", "route", "status"),
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)  # fmt: skip
RATE_LIMITED: Final = Counter("dbaas_http_rate_limited_total", "Requests refused by a rate limit.", ("verb",))
RATE_LIMIT_UNCHECKED: Final = Counter(
    "dbaas_http_rate_limit_unchecked_total", "Requests let through because Redis was away."
)
IDEMPOTENT_REPLAYS: Final = Counter("dbaas_http_idempotent_replays_total", "Stored answers given again.")
REPORTS_RECEIVED: Final = Counter("dbaas_reports_received_total", "Reports of guests taken in.", ("kind",))
REPORTS_REFUSED: Final = Counter(
    "dbaas_reports_refused_total", "Reports that were not taken in.", ("reason",)
)
HEARTBEATS: Final = Counter("dbaas_heartbeats_total", "Heartbeats written to the database.")
STEP_SECONDS: Final = Histogram(
    "dbaas_operation_step_seconds", "Time of one step of an operation.", ("kind", "step", "outcome"),
    buckets=(0.01, 0.05, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60),
)  # fmt: skip
OPERATIONS_FINISHED: Final = Counter(
    "dbaas_operations_finished_total", "Operations that ended.", ("kind", "state")
)
OUTBOX_PUBLISHED: Final = Counter(
    "dbaas_outbox_published_total", "Messages handed to the broker.", ("outcome",)
)
WEBHOOK_ATTEMPTS: Final = Counter(
    "dbaas_webhook_attempts_total", "Attempts to hand an event to a webhook.", ("outcome",)
)

_collectors: list[Collect] = []
_lock = threading.Lock()


def register_collector(collect: Collect) -> None:
    """Ask `collect` for gauges at each scrape; one that fails is logged and left out."""
    with _lock:
        if collect not in _collectors:
            _collectors.append(collect)


def gauge(name: str, help_text: str, label: str, values: Iterable[tuple[str, float]]) -> GaugeMetricFamily:
    """A gauge of one label, for collectors: ``gauge("dbaas_operations", "…", "state", rows)``."""
    family = GaugeMetricFamily(name, help_text, labels=[label])
    for key, value in values:
        family.add_metric([key], value)
    return family


class _FromDatabase(Collector):
    def collect(self) -> Iterable[Metric]:
        for collect in _collectors:
            try:
                yield from list(collect())
            except Exception:
                log.exception("metrics_collector_failed", collector=getattr(collect, "__qualname__", "?"))


def exposition() -> tuple[bytes, str]:
    """The metrics as text, and its content type."""
    registry = CollectorRegistry()
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    else:
        registry.register(REGISTRY)
    registry.register(_FromDatabase())
    return generate_latest(registry), CONTENT_TYPE_LATEST
