"""Events and webhooks as rows."""

from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import transaction
from django.utils import timezone
from pytest_django import Settings

from dbaas.common import context
from dbaas.common.errors import OverLimit
from dbaas.events import services
from dbaas.events.models import Event, Webhook, WebhookDelivery
from guestagent.protocol.crypto import generate_key
from guestagent.protocol.secret import Secret
from tests.unit.dbaas.events.conftest import PROJECT, Receiver, Record

pytestmark = pytest.mark.django_db


def test_actor_and_request_are_those_of_the_context(record: Record) -> None:
    with context.bound(actor="ann", request_id="req-1"):
        event = record()
    assert (event.actor, event.request_id) == ("ann", "req-1")
    assert record().actor == ""


def test_no_secret_gets_into_an_event(record: Record) -> None:
    event = record(after={"password": "hunter2", "user": {"token": "t"}, "url": "amqp://u:hunter2@h/"})
    shown = str(Event.objects.values().get(pk=event.pk))
    assert "hunter2" not in shown
    assert "'t'" not in shown


def test_event_ends_with_its_transaction(webhook: Webhook, record: Record) -> None:
    class Undone(Exception):
        pass

    with pytest.raises(Undone), transaction.atomic():
        record()
        raise Undone
    assert not WebhookDelivery.objects.exists()


@pytest.mark.parametrize(
    ("types", "type", "expected"),
    [
        ([], "instances.updated", True),
        (["instances"], "instances.updated", True),
        (["instances."], "instances.updated", True),
        (["instances.updated"], "instances.updated", True),
        (["backups", "instances.create_instance"], "instances.create_instance.failed", True),
        (["inst"], "instances.updated", False),
        (["instances.update"], "instances.updated", False),
    ],
)
def test_types_are_whole_words(types: list[str], type: str, expected: bool) -> None:
    assert services.wants(types, type) is expected


def test_webhooks_of_others_are_not_told(webhook: Webhook, record: Record) -> None:
    record(project_id="2" * 32)
    assert not webhook.deliveries.exists()
    record()
    assert webhook.deliveries.count() == 1


def test_secret_is_sealed_and_resealed(webhook: Webhook, settings: Settings, receiver: Receiver) -> None:
    secret = services.webhook_secret(webhook)
    assert secret.reveal() not in webhook.sealed_secret
    settings.TASKMANAGER_RPC_ENCR_KEY = [generate_key(), *settings.TASKMANAGER_RPC_ENCR_KEY]
    assert services.reseal_secrets() == 1
    assert services.reseal_secrets() == 0
    settings.TASKMANAGER_RPC_ENCR_KEY = settings.TASKMANAGER_RPC_ENCR_KEY[:1]
    webhook.refresh_from_db()
    assert services.webhook_secret(webhook) == secret
    call_command("rotate_keys")


def test_new_secret_replaces_the_old_one(webhook: Webhook) -> None:
    old = services.webhook_secret(webhook)
    webhook, new = services.webhook_update(webhook=webhook, rotate_secret=True)
    assert isinstance(new, Secret)
    assert services.webhook_secret(webhook) == new != old


def test_project_has_a_limited_number(webhook: Webhook) -> None:
    for _ in range(services.MAX_WEBHOOKS - 1):
        services.webhook_create(project_id=PROJECT, created_by="ann", url=webhook.url)
    with pytest.raises(OverLimit):
        services.webhook_create(project_id=PROJECT, created_by="ann", url=webhook.url)


def test_old_events_are_removed(webhook: Webhook, record: Record, settings: Settings) -> None:
    Event.objects.all().delete()
    old, young = record(), record()
    Event.objects.filter(pk=old.pk).update(
        created_at=timezone.now() - timedelta(days=settings.EVENT_RETENTION_DAYS, seconds=1)
    )
    assert services.events_purge() == 1
    assert [event.pk for event in Event.objects.all()] == [young.pk]
    assert webhook.deliveries.count() == 1
