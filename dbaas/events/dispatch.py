"""Sends what waits to webhooks: bounded, in order for each resource, and fair between webhooks.

One process at a time sends (a lease). It serves the webhooks that waited longest, a few deliveries each,
one delivery of a webhook at a time, several webhooks side by side. Rows are read and written by the calling
thread alone; the threads beside it only make HTTP requests. A process that dies has told nobody of what it
sent last: that is sent again, with the same id.
"""

import secrets
from collections import deque
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from dbaas.common import metrics
from dbaas.common.logs import get_logger
from dbaas.events import cloudevents, outbound, services
from dbaas.events.models import DeliveryState, DispatcherLease, Webhook, WebhookDelivery
from dbaas.events.outbound import Answer
from guestagent.protocol.crypto import CryptoError
from guestagent.protocol.secret import Secret

log = get_logger(__name__)

PARALLEL: Final = 8
WEBHOOKS_PER_RUN: Final = 50
DELIVERIES_PER_WEBHOOK: Final = 20
BUDGET_SECONDS: Final = 15.0
LONGEST_PAUSE_SECONDS: Final = 300.0

Post = Callable[..., Answer]


@dataclass(slots=True)
class _Batch:
    """What one webhook is sent in this run."""

    webhook: Webhook
    secret: Secret
    waiting: deque[WebhookDelivery]
    #: Resources of which one was not taken: what follows must wait.
    held: set[str] = field(default_factory=set)

    def next(self) -> WebhookDelivery | None:
        while self.waiting:
            delivery = self.waiting.popleft()
            if delivery.resource_id not in self.held:
                return delivery
        return None


def run(post: Post = outbound.post) -> int:
    """Send what is due, for a while; returns how many events were taken. Does nothing beside another run."""
    if not _is_anything_due():
        return 0
    token = _lease()
    if token is None:
        return 0
    try:
        return _serve(_batches(), post, until=timezone.now() + timedelta(seconds=BUDGET_SECONDS))
    finally:
        DispatcherLease.objects.filter(token=token).update(until=timezone.now(), token="")


def pause_seconds(failures: int) -> float:
    """2, 4, 8, … up to five minutes."""
    return min(LONGEST_PAUSE_SECONDS, 2.0 ** min(failures, 10))


def _is_anything_due() -> bool:
    now = timezone.now()
    return WebhookDelivery.objects.filter(
        state=DeliveryState.PENDING,
        next_attempt_at__lte=now,
        webhook__is_enabled=True,
        webhook__resume_at__lte=now,
    ).exists()


def _lease() -> str | None:
    now = timezone.now()
    token = secrets.token_hex(16)
    until = now + timedelta(seconds=2 * BUDGET_SECONDS + 2 * settings.WEBHOOK_TIMEOUT_SECONDS)
    DispatcherLease.objects.get_or_create(pk="webhooks", defaults={"until": now})
    free = DispatcherLease.objects.filter(pk="webhooks", until__lte=now)
    return token if free.update(token=token, until=until) else None


def _batches() -> deque[_Batch]:
    now = timezone.now()
    pending = WebhookDelivery.objects.filter(state=DeliveryState.PENDING)
    due = Webhook.objects.filter(
        is_enabled=True, resume_at__lte=now, pk__in=pending.filter(next_attempt_at__lte=now).values("webhook")
    ).order_by("served_at", "pk")
    batches: deque[_Batch] = deque()
    for webhook in due[:WEBHOOKS_PER_RUN]:
        try:
            secret = services.webhook_secret(webhook)
        except CryptoError:
            log.exception("webhook_secret_unreadable", webhook_id=str(webhook.pk))
            _pause(webhook, "The signing secret cannot be opened; give it a new one.")
            continue
        mine = pending.filter(webhook=webhook)
        held = mine.filter(next_attempt_at__gt=now).values("resource_id")
        rows = mine.exclude(resource_id__in=held).select_related("event").order_by("id")
        batches.append(_Batch(webhook, secret, deque(rows[:DELIVERIES_PER_WEBHOOK])))
        Webhook.objects.filter(pk=webhook.pk).update(served_at=now)  # one by one: never two locks at a time
    return batches


def _serve(batches: deque[_Batch], post: Post, *, until: datetime) -> int:
    """Round robin: each webhook has one request under way and goes to the end of the queue after it."""
    taken = 0
    patience = BUDGET_SECONDS + settings.WEBHOOK_TIMEOUT_SECONDS
    sending: dict[Future[Answer], tuple[_Batch, WebhookDelivery]] = {}
    pool = ThreadPoolExecutor(PARALLEL, thread_name_prefix="webhook")
    try:
        while batches or sending:
            while batches and len(sending) < PARALLEL and timezone.now() < until:
                batch = batches.popleft()
                if (delivery := batch.next()) is not None:
                    sending[_send(pool, post, batch, delivery)] = (batch, delivery)
            if not sending:
                break
            # Sending is bounded; the name resolver, which is not ours, may not be: then it is left alone.
            done, _ = wait(sending, timeout=patience, return_when=FIRST_COMPLETED)
            if not done:
                log.warning("webhook_senders_stuck", count=len(sending))
                break
            for future in done:
                batch, delivery = sending.pop(future)
                if _note(batch, delivery, future.result()):
                    taken += 1
                batches.append(batch)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    return taken


def _send(pool: ThreadPoolExecutor, post: Post, batch: _Batch, delivery: WebhookDelivery) -> Future[Answer]:
    content = cloudevents.body(delivery.event)
    headers = cloudevents.headers(delivery.event, content, batch.secret, timezone.now())
    timeout = settings.WEBHOOK_TIMEOUT_SECONDS
    return pool.submit(post, batch.webhook.url, headers, content, timeout_seconds=timeout)


def _note(batch: _Batch, delivery: WebhookDelivery, answer: Answer) -> bool:
    """Write down how it went; True when the receiver took it."""
    metrics.WEBHOOK_ATTEMPTS.labels("taken" if answer.is_taken else "refused").inc()
    now = timezone.now()
    row = WebhookDelivery.objects.filter(pk=delivery.pk, state=DeliveryState.PENDING)
    if answer.is_taken:
        with transaction.atomic():
            row.update(
                state=DeliveryState.DELIVERED, attempts=F("attempts") + 1, last_status=answer.status,
                last_error="", finished_at=now,
            )  # fmt: skip
            Webhook.objects.filter(pk=batch.webhook.pk).update(
                failures=0, resume_at=now, succeeded_at=now, last_error=""
            )
        batch.webhook.failures = 0
        return True
    is_dead = now >= delivery.give_up_at
    with transaction.atomic():
        row.update(
            state=DeliveryState.DEAD if is_dead else DeliveryState.PENDING,
            attempts=F("attempts") + 1,
            next_attempt_at=now + timedelta(seconds=pause_seconds(delivery.attempts + 1)),
            last_status=answer.status,
            last_error=answer.error[:255],
            finished_at=now if is_dead else None,
        )
        if answer.is_receivers_trouble:
            _pause(batch.webhook, answer.error)
    if answer.is_receivers_trouble:
        batch.waiting.clear()
    elif not is_dead:
        batch.held.add(delivery.resource_id)
    log.warning(
        "webhook_not_taken", webhook_id=str(batch.webhook.pk), event_id=str(delivery.event_id),
        status=answer.status, error=answer.error, is_dead=is_dead,
    )  # fmt: skip
    return False


def _pause(webhook: Webhook, reason: str) -> None:
    webhook.failures += 1
    Webhook.objects.filter(pk=webhook.pk).update(
        failures=webhook.failures,
        resume_at=timezone.now() + timedelta(seconds=pause_seconds(webhook.failures)),
        last_error=reason[:255],
    )
