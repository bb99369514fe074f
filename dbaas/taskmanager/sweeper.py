"""Nothing waits for a message that may never come: what is due is found by looking."""

from datetime import timedelta

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from dbaas.common.logs import get_logger
from dbaas.taskmanager import outbox
from dbaas.taskmanager.models import FINAL, Operation, OperationLane, OutboxMessage, State
from dbaas.taskmanager.services import RUN_OPERATION
from guestagent.protocol.queues import TASKMANAGER_QUEUE

log = get_logger(__name__)

#: A due operation is published again only after this: workers may simply be busy.
REDISPATCH = timedelta(seconds=10)


def sweep(limit: int = 500) -> int:
    """Publish the outbox and every operation that is due; returns how many operations were published."""
    outbox.sweep()
    now = timezone.now()
    due = (
        Q(state=State.PENDING, created_at__lt=now - timedelta(seconds=2))
        | Q(state=State.WAITING, wake_at__lte=now)
        | Q(state=State.RUNNING, lease_until__lt=now)
    )
    quiet = Q(dispatched_at=None) | Q(dispatched_at__lt=now - REDISPATCH)
    ids = list(
        Operation.objects.filter(due & quiet).order_by("created_at").values_list("id", flat=True)[:limit]
    )
    published = 0
    for operation_id in ids:
        if not outbox.publish(RUN_OPERATION, [str(operation_id)], TASKMANAGER_QUEUE):
            break
        Operation.objects.filter(pk=operation_id).update(dispatched_at=now)
        published += 1
    return published


def purge() -> int:
    """Delete operations that ended before the retention time, and lanes nobody uses; returns the count."""
    before = timezone.now() - timedelta(days=settings.OPERATION_RETENTION_DAYS)
    deleted, _ = Operation.objects.filter(state__in=FINAL, finished_at__lt=before).delete()
    OutboxMessage.objects.filter(created_at__lt=before).delete()
    used = Operation.objects.values("lane")
    OperationLane.objects.exclude(pk__in=used).delete()
    if deleted:
        log.info("operations_purged", count=deleted)
    return deleted
