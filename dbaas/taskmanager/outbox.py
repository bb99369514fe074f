"""The outbox: messages are rows until the broker has taken them.

`enqueue` writes the row inside the caller's transaction and tries to publish right after the commit. What
the broker did not take is tried again by the sweep with growing pauses, so a broker that is away delays
work and never loses it. A message may be published twice; its readers must not mind.
"""

import threading
import time
from datetime import timedelta
from functools import lru_cache
from typing import Any, Final

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from kombu import Connection
from kombu.pools import producers

from dbaas.celery import app
from dbaas.common.logs import get_logger
from dbaas.taskmanager.models import OutboxMessage

log = get_logger(__name__)

#: So long we wait for one answer of the broker: requests wait with us.
_ANSWER_SECONDS: Final = 2.0
#: While the broker refuses, requests don't wait for it again and again: the sweep will try.
_BREAKER_SECONDS = 3.0
_breaker_lock = threading.Lock()
_broker_away_until = 0.0


def enqueue(*, task: str, args: list[Any], queue: str) -> None:
    """Publish `task` once the surrounding transaction has committed, sooner or later but surely."""
    message = OutboxMessage.objects.create(
        task=task, args=args, queue=queue, next_attempt_at=timezone.now() + timedelta(seconds=2)
    )
    transaction.on_commit(lambda: _publish_row(message))


def sweep(limit: int = 200) -> int:
    """Publish what is due; returns how many went out. Stops at the first refusal: the broker is away."""
    published = 0
    for message in OutboxMessage.objects.filter(next_attempt_at__lte=timezone.now()).order_by("id")[:limit]:
        if not _publish_row(message, heed_breaker=False):
            break
        published += 1
    return published


def publish(task: str, args: list[Any], queue: str) -> bool:
    """Hand one message to the broker, at once or not at all; False when it did not take it."""
    global _broker_away_until  # noqa: PLW0603 - one breaker per process
    try:
        pool = producers[_connection(settings.TRANSPORT_URL)]
        with pool.acquire(block=True, timeout=_ANSWER_SECONDS) as producer:
            app.send_task(
                task, args=args, queue=queue, producer=producer, retry=False, ignore_result=True,
                timeout=_ANSWER_SECONDS, confirm_timeout=_ANSWER_SECONDS,
            )  # fmt: skip
    except Exception as error:  # kombu and amqp raise many kinds here; none must fail the request
        with _breaker_lock:
            _broker_away_until = time.monotonic() + _BREAKER_SECONDS
        log.warning("broker_refused", task=task, queue=queue, error=type(error).__name__)
        return False
    return True


@lru_cache(maxsize=1)
def _connection(url: str) -> Connection:
    """What the pool connects with: like Celery's own, but a broker that is silent counts as away."""
    options = {"read_timeout": _ANSWER_SECONDS, "write_timeout": _ANSWER_SECONDS}
    return app.connection_for_write(
        url,
        connect_timeout=_ANSWER_SECONDS,
        transport_options={**app.conf.broker_transport_options, **options},
    )


def _publish_row(message: OutboxMessage, *, heed_breaker: bool = True) -> bool:
    if heed_breaker and time.monotonic() < _broker_away_until:
        return False
    if publish(message.task, message.args, message.queue):
        OutboxMessage.objects.filter(pk=message.pk).delete()
        return True
    pause = timedelta(seconds=min(60, 2 ** min(message.attempts + 1, 6)))
    OutboxMessage.objects.filter(pk=message.pk).update(
        attempts=message.attempts + 1, next_attempt_at=timezone.now() + pause
    )
    return False
