"""What operators see of events and webhooks, and what they may do."""

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse

from dbaas.accounts.models import User
from dbaas.events import services
from dbaas.events.models import DeliveryState, Event, UsageInterval, Webhook, WebhookDelivery
from dbaas.events.usage import Size, usage_follow
from tests.unit.dbaas.events.conftest import PROJECT, Record

pytestmark = pytest.mark.django_db


@pytest.fixture
def operator(client: Client) -> Client:
    client.force_login(User.objects.create_superuser(name="operator"))
    return client


def act(operator: Client, webhook: Webhook, action: str) -> None:
    answer = operator.post(
        reverse("admin:events_webhook_changelist"), {"action": action, "_selected_action": [str(webhook.pk)]}
    )
    assert answer.status_code in {200, 302}


def test_every_page_opens_and_none_shows_a_secret(operator: Client, webhook: Webhook, record: Record) -> None:
    record(after={"name": "orders"})
    usage_follow(project_id=PROJECT, resource_id="i-1", size=Size("1", 512, 1, 5))
    secret = services.webhook_secret(webhook).reveal()
    for model in (Event, Webhook, WebhookDelivery, UsageInterval):
        name = f"admin:events_{model._meta.model_name}"
        for url in (
            reverse(f"{name}_changelist"),
            reverse(f"{name}_changelist") + "?q=i-1",
            reverse(f"{name}_change", args=[model._default_manager.first().pk]),  # type: ignore[union-attr]
        ):
            page = operator.get(url)
            assert page.status_code == 200, url
            assert secret not in page.content.decode()
            assert webhook.sealed_secret not in page.content.decode()
        assert operator.get(reverse(f"{name}_add")).status_code == 403


def test_links_of_lists_lead_somewhere(operator: Client, webhook: Webhook, record: Record) -> None:
    record(resource_id="i-1")
    record(resource_id="i-2")
    events = operator.get(reverse("admin:events_event_changelist") + "?resource_id=i-1")
    assert events.context["cl"].result_count == 1
    deliveries = reverse("admin:events_webhookdelivery_changelist")
    shown = operator.get(f"{deliveries}?webhook__id__exact={webhook.pk}&state__exact=pending")
    assert shown.context["cl"].result_count == 2


def test_actions_do_what_they_say_and_are_audited(operator: Client, webhook: Webhook, record: Record) -> None:
    record()
    WebhookDelivery.objects.update(state=DeliveryState.DEAD)
    act(operator, webhook, "redrive")
    assert WebhookDelivery.objects.get().state == DeliveryState.PENDING
    act(operator, webhook, "disable")
    assert not Webhook.objects.get().is_enabled
    act(operator, webhook, "enable")
    assert Webhook.objects.get().is_enabled
    said = [entry.get_change_message() for entry in LogEntry.objects.order_by("pk")]
    assert said == ["Given-up events are tried again.", "Disabled.", "Enabled."]
    assert {str(entry.user) for entry in LogEntry.objects.all()} == {"operator"}


def test_those_who_may_only_look_may_not_act(client: Client, webhook: Webhook) -> None:
    from django.contrib.auth.models import Permission

    viewer = User.objects.create(name="viewer", is_staff=True)
    viewer.user_permissions.add(Permission.objects.get(codename="view_webhook"))
    client.force_login(viewer)
    act(client, webhook, "disable")
    assert Webhook.objects.get().is_enabled
