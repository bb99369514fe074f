"""Read paths of events and webhooks."""

import uuid
from collections.abc import Iterable
from datetime import datetime

from django.db.models import Count, Q, QuerySet
from prometheus_client.core import GaugeMetricFamily

from dbaas.common import metrics
from dbaas.common.errors import NotFound
from dbaas.events.models import DeliveryState, Event, Webhook, WebhookDelivery


def event_list(
    *,
    project_id: str,
    resource_id: str | None = None,
    resource_type: str | None = None,
    type: str | None = None,
    actor: str | None = None,
    request_id: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> QuerySet[Event]:
    """A project's events. `type` is one, or the beginning of several, up to a dot; `until` is exclusive."""
    events = Event.objects.filter(project_id=project_id)
    equal = {
        "resource_id": resource_id, "resource_type": resource_type, "actor": actor, "request_id": request_id,
        "created_at__gte": since, "created_at__lt": until,
    }  # fmt: skip
    events = events.filter(**{name: value for name, value in equal.items() if value is not None})
    if type is not None:
        events = events.filter(Q(type=type) | Q(type__startswith=type.rstrip(".") + "."))
    return events


def event_get(*, project_id: str, event_id: str) -> Event:
    """Raises NotFound, for somebody else's too."""
    key = _uuid(event_id)
    event = key and Event.objects.filter(pk=key, project_id=project_id).first()
    if not event:
        raise NotFound(f"Event {event_id} cannot be found.")
    return event


def webhook_list(*, project_id: str | None = None) -> QuerySet[Webhook]:
    """Webhooks, with the counts `pending_count` and `dead_count` of their deliveries."""
    states = {"pending_count": DeliveryState.PENDING, "dead_count": DeliveryState.DEAD}
    webhooks = Webhook.objects.annotate(
        **{name: Count("deliveries", filter=Q(deliveries__state=state)) for name, state in states.items()}
    )
    return webhooks if project_id is None else webhooks.filter(project_id=project_id)


def webhook_get(*, project_id: str, webhook_id: str) -> Webhook:
    """Raises NotFound, for somebody else's too."""
    key = _uuid(webhook_id)
    webhook = key and webhook_list(project_id=project_id).filter(pk=key).first()
    if not webhook:
        raise NotFound(f"Webhook {webhook_id} cannot be found.")
    return webhook


def delivery_list(*, webhook: Webhook, state: str | None = None) -> QuerySet[WebhookDelivery]:
    deliveries = WebhookDelivery.objects.filter(webhook=webhook).select_related("event")
    return deliveries if state is None else deliveries.filter(state=state)


def delivery_gauges() -> Iterable[GaugeMetricFamily]:
    """For `dbaas.common.metrics`."""
    waiting = WebhookDelivery.objects.exclude(state=DeliveryState.DELIVERED).values("state")
    counts = {state.value: 0 for state in (DeliveryState.PENDING, DeliveryState.DEAD)}
    counts |= {row["state"]: row["count"] for row in waiting.annotate(count=Count("pk"))}
    yield metrics.gauge(
        "dbaas_webhook_deliveries", "Events not (yet) taken by webhooks.", "state", counts.items()
    )


def _uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None
