"""Write paths of events and webhooks."""

import base64
import secrets
import uuid
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from dbaas.common.context import current_actor, current_request_id
from dbaas.common.errors import OverLimit
from dbaas.common.logs import redact
from dbaas.events import targets
from dbaas.events.models import DeliveryState, Event, Webhook, WebhookDelivery
from guestagent.protocol.crypto import KeyRing
from guestagent.protocol.secret import Secret

MAX_WEBHOOKS: Final = 10  # of a project
_SECRET_BYTES: Final = 32
_SECRET_PREFIX: Final = "whsec_"  # noqa: S105 - as the Standard Webhooks libraries know it


def event_record(
    *,
    project_id: str,
    type: str,
    resource_type: str,
    resource_id: object,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    operation_id: object = "",
    actor: str = "",
) -> Event:
    """Write an event and what is to be sent of it, in the caller's transaction.

    Actor (unless given) and request are those of the context. `before` and `after` are JSON values without
    secrets; what looks like one all the same is hidden. Call it after the change itself: the change's row
    lock then keeps the events of one resource in order.
    """
    with transaction.atomic():
        event = Event.objects.create(
            project_id=project_id,
            type=type,
            resource_type=resource_type,
            resource_id=str(resource_id),
            operation_id=str(operation_id),
            actor=actor or current_actor(),
            request_id=current_request_id(),
            before=redact(dict(before or {})),
            after=redact(dict(after or {})),
        )
        webhooks = Webhook.objects.filter(project_id=project_id, is_enabled=True).order_by("pk")
        give_up_at = event.created_at + timedelta(seconds=settings.WEBHOOK_GIVE_UP_SECONDS)
        WebhookDelivery.objects.bulk_create(
            WebhookDelivery(webhook_id=pk, event=event, resource_id=event.resource_id, give_up_at=give_up_at)
            for pk, types in webhooks.values_list("pk", "types")
            if wants(types, type)
        )
    return event


def wants(types: Sequence[str], event_type: str) -> bool:
    """Whether one of `types` is the event's or, at a dot, the beginning of it; none at all: every event."""
    return not types or any(event_type == t or event_type.startswith(t.rstrip(".") + ".") for t in types)


def webhook_create(
    *, project_id: str, created_by: str, url: str, types: Sequence[str] = (), description: str = "",
    is_enabled: bool = True,
) -> tuple[Webhook, Secret]:  # fmt: skip
    """The webhook and its signing secret, which is not shown again. Raises BadRequest and OverLimit."""
    targets.check(url)
    with transaction.atomic():
        if Webhook.objects.filter(project_id=project_id).count() >= MAX_WEBHOOKS:
            raise OverLimit(f"A project may have at most {MAX_WEBHOOKS} webhooks.")
        webhook_id = uuid.uuid4()
        secret = _new_secret()
        webhook = Webhook.objects.create(
            id=webhook_id,
            project_id=project_id,
            url=url,
            types=list(types),
            description=description,
            is_enabled=is_enabled,
            sealed_secret=_seal(webhook_id, secret),
            created_by=created_by,
        )
        _note(webhook, "created", after=_shown(webhook))
    return webhook, secret


def webhook_update(
    *, webhook: Webhook, rotate_secret: bool = False, **changes: Any
) -> tuple[Webhook, Secret | None]:
    """Change url, types, description or is_enabled; the new secret if one was asked for.

    What waits to be sent goes to the new address, signed with the new secret, at once.
    """
    before = _shown(webhook)
    if "url" in changes:
        targets.check(changes["url"])
    secret = _new_secret() if rotate_secret else None
    if secret is not None:
        changes["sealed_secret"] = _seal(webhook.pk, secret)
    with transaction.atomic():
        now = timezone.now()
        Webhook.objects.filter(pk=webhook.pk).update(**changes, failures=0, resume_at=now, updated_at=now)
        webhook.refresh_from_db()
        _note(webhook, "updated", before=before, after={**_shown(webhook), "is_resigned": rotate_secret})
    return webhook, secret


def webhook_delete(*, webhook: Webhook) -> None:
    """Nothing is sent to it any more, not even what waits."""
    with transaction.atomic():
        Webhook.objects.filter(pk=webhook.pk).delete()
        _note(webhook, "deleted", before=_shown(webhook))


def webhook_redrive(*, webhook: Webhook) -> int:
    """Try again to send what was given up; returns how many events those are.

    They go out before what is waiting, but after what was sent since.
    """
    with transaction.atomic():
        now = timezone.now()
        dead = WebhookDelivery.objects.filter(webhook=webhook, state=DeliveryState.DEAD)
        count = dead.update(
            state=DeliveryState.PENDING,
            attempts=0,
            next_attempt_at=now,
            give_up_at=now + timedelta(seconds=settings.WEBHOOK_GIVE_UP_SECONDS),
            finished_at=None,
        )
        Webhook.objects.filter(pk=webhook.pk).update(failures=0, resume_at=now)
    return count


def webhook_secret(webhook: Webhook) -> Secret:
    """For the sender's memory only. Raises CryptoError."""
    return Secret(_keyring().open(webhook.sealed_secret, context=f"webhook:{webhook.pk}").decode())


def reseal_secrets() -> int:
    """Seal webhooks' secrets again under the first key; returns how many were not."""
    ring, resealed = _keyring(), 0
    for webhook in Webhook.objects.iterator():
        if not ring.is_current(webhook.sealed_secret):
            unchanged = Webhook.objects.filter(pk=webhook.pk, sealed_secret=webhook.sealed_secret)
            resealed += unchanged.update(sealed_secret=_seal(webhook.pk, webhook_secret(webhook)))
    return resealed


def events_purge() -> int:
    """Delete events (and what was sent of them) older than the retention time; returns the count."""
    before = timezone.now() - timedelta(days=settings.EVENT_RETENTION_DAYS)
    old = Event.objects.filter(created_at__lt=before)
    deleted = 0
    while ids := list(old.values_list("pk", flat=True)[:500]):  # small transactions
        Event.objects.filter(pk__in=ids).delete()
        deleted += len(ids)
    return deleted


def _new_secret() -> Secret:
    return Secret(_SECRET_PREFIX + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode())


def _seal(webhook_id: uuid.UUID, secret: Secret) -> str:
    return _keyring().seal(secret.reveal().encode(), context=f"webhook:{webhook_id}")


def _keyring() -> KeyRing:
    return KeyRing(settings.TASKMANAGER_RPC_ENCR_KEY)


def _shown(webhook: Webhook) -> dict[str, Any]:
    return {"url": webhook.url, "types": webhook.types, "enabled": webhook.is_enabled}


def _note(webhook: Webhook, verb: str, **values: Any) -> None:
    event_record(
        project_id=webhook.project_id, type=f"webhooks.{verb}", resource_type="webhook",
        resource_id=webhook.pk, **values,
    )  # fmt: skip
