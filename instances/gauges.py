"""What the metrics say of instances and guests, read from their rows at each scrape."""

from collections import Counter
from collections.abc import Iterable

from django.db.models import Count
from prometheus_client.core import GaugeMetricFamily

from dbaas.common.metrics import gauge
from instances import state
from instances.models import Instance


def collect() -> Iterable[GaugeMetricFamily]:
    """For `dbaas.common.metrics`. A guest that is silent for too long counts as unknown."""
    there = Instance.objects.filter(deleted_at=None).order_by()
    by_state = there.values_list("state").annotate(Count("pk"))
    yield gauge("dbaas_instances", "Instances, deleted ones not counted.", "state", by_state)
    guests = there.select_related("guest").only(
        "guest__datastore_status", "guest__last_seen_at", "guest__instance_id"
    )
    by_status = Counter(state.datastore_status(instance).value for instance in guests.iterator())
    yield gauge("dbaas_guests", "Guests by what they say of their database.", "status", by_status.items())
