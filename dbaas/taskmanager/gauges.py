"""What the metrics say of operations and the outbox, read from their rows at each scrape."""

from collections.abc import Iterable

from django.db.models import Count, Min
from django.utils import timezone
from prometheus_client.core import GaugeMetricFamily

from dbaas.taskmanager.models import UNFINISHED, Operation, OutboxMessage


def collect() -> Iterable[GaugeMetricFamily]:
    """For `dbaas.common.metrics`. Finished operations are a counter, not a scan of the table."""
    unfinished = Operation.objects.filter(state__in=UNFINISHED).order_by()
    operations = GaugeMetricFamily(
        "dbaas_operations_unfinished", "Operations that have not ended.", labels=["kind", "state"]
    )
    for row in unfinished.values("kind", "state").annotate(count=Count("pk")):
        operations.add_metric([row["kind"], row["state"]], row["count"])
    yield operations

    oldest = unfinished.aggregate(at=Min("created_at"))["at"]
    age = (timezone.now() - oldest).total_seconds() if oldest else 0.0
    yield GaugeMetricFamily(
        "dbaas_operation_oldest_seconds", "Age of the oldest operation that has not ended.", value=age
    )
    yield GaugeMetricFamily(
        "dbaas_outbox_messages",
        "Messages that the broker has not taken.",
        value=OutboxMessage.objects.count(),
    )
