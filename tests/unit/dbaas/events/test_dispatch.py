"""Sending: in order, fair, never lost, given up visibly. Receivers are real; time is moved by rows."""

import base64
import hashlib
import hmac
import json
import threading
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import Settings

from dbaas.events import dispatch, services
from dbaas.events.models import DeliveryState, DispatcherLease, Webhook, WebhookDelivery
from dbaas.events.outbound import Answer
from guestagent.protocol.secret import Secret
from tests.unit.dbaas.events.conftest import PROJECT, Receiver, Record

pytestmark = pytest.mark.django_db
TAKEN, BAD, AWAY = Answer(204), Answer(400, "Answered 400."), Answer(None, "No answer in time.")


class Post:
    """In the place of the network: remembers what it was given, and answers as told by event or URL."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.urls: list[str] = []
        self.answers: dict[str, Answer] = {}

    def __call__(self, url: str, headers: dict[str, str], body: bytes, *, timeout_seconds: float) -> Answer:
        document = json.loads(body)
        self.sent.append(document)
        self.urls.append(url)
        return self.answers.get(document["id"]) or self.answers.get(url) or TAKEN

    @property
    def ids(self) -> list[str]:
        return [document["id"] for document in self.sent]


@pytest.fixture
def post() -> Post:
    return Post()


def pass_time(**by: float) -> None:
    """As if so much time had passed."""
    delta = timedelta(**by)
    for row in WebhookDelivery.objects.filter(state=DeliveryState.PENDING):
        WebhookDelivery.objects.filter(pk=row.pk).update(
            next_attempt_at=row.next_attempt_at - delta, give_up_at=row.give_up_at - delta
        )
    for webhook in Webhook.objects.all():
        Webhook.objects.filter(pk=webhook.pk).update(resume_at=webhook.resume_at - delta)


def states(webhook: Webhook) -> dict[str, int]:
    rows = WebhookDelivery.objects.filter(webhook=webhook).values_list("state", flat=True)
    return {state: list(rows).count(state) for state in set(rows)}


def test_event_arrives_whole_and_signed(
    db: None, receiver: Receiver, private_allowed: None, record: Record
) -> None:
    webhook, secret = services.webhook_create(project_id=PROJECT, created_by="ann", url=receiver.url)
    webhook.deliveries.all().delete()
    event = record(before={"name": "a"}, after={"name": "b"}, actor="ann", operation_id="op-1")
    assert dispatch.run() == 1
    [(_, headers, body)] = receiver.requests
    assert headers["Content-Type"].startswith("application/cloudevents+json")
    assert json.loads(body) == {
        "specversion": "1.0", "id": str(event.pk), "type": "dbaas.instances.updated", "subject": "i-1",
        "source": f"/v1.0/{PROJECT}/instances/i-1",
        "time": event.created_at.isoformat().replace("+00:00", "Z"),
        "datacontenttype": "application/json", "projectid": PROJECT, "actor": "ann",
        "data": {"resource_type": "instance", "operation_id": "op-1", "before": {"name": "a"},
                 "after": {"name": "b"}},
    }  # fmt: skip
    key = base64.b64decode(secret.reveal().removeprefix("whsec_"))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"
    assert abs(int(headers["webhook-timestamp"]) - timezone.now().timestamp()) < 60
    assert states(webhook) == {"delivered": 1}
    assert dispatch.run() == 0


def test_known_signature() -> None:
    """The example of the Standard Webhooks specification."""
    from dbaas.events.cloudevents import signature

    secret = Secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    body = b'{"test": 2432232314}'
    assert signature(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", body) == (
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    )


def test_events_of_a_resource_go_in_order(webhook: Webhook, record: Record, post: Post) -> None:
    events = [record(resource_id=f"i-{number % 3}") for number in range(30)]
    while dispatch.run(post):
        pass
    assert post.ids == [str(event.pk) for event in events]


def test_refused_event_holds_what_follows_it_and_nothing_else(
    webhook: Webhook, record: Record, post: Post
) -> None:
    bad, other, after = record(), record(resource_id="i-2"), record()
    post.answers[str(bad.pk)] = BAD
    assert dispatch.run(post) == 1
    assert post.ids == [str(bad.pk), str(other.pk)]
    assert dispatch.run(post) == 0  # not due yet
    pass_time(seconds=3)
    dispatch.run(post)
    assert post.ids[2:] == [str(bad.pk)]
    post.answers.clear()
    pass_time(seconds=5)
    assert dispatch.run(post) == 2
    assert post.ids[3:] == [str(bad.pk), str(after.pk)]


def test_receiver_that_is_away_is_asked_once_and_then_left_alone(
    webhook: Webhook, record: Record, post: Post
) -> None:
    for number in range(5):
        record(resource_id=f"i-{number}")
    post.answers[webhook.url] = AWAY
    dispatch.run(post)
    dispatch.run(post)
    assert len(post.sent) == 1
    webhook.refresh_from_db()
    assert (webhook.failures, webhook.last_error) == (1, "No answer in time.")
    assert webhook.resume_at > timezone.now()


def test_nothing_is_lost_in_an_hour_without_receiver(webhook: Webhook, record: Record, post: Post) -> None:
    post.answers[webhook.url] = AWAY
    events = []
    for minute in range(60):
        events.append(record(resource_id=f"i-{minute % 4}"))
        dispatch.run(post)
        pass_time(minutes=1)
    attempts = len(post.sent)
    assert 12 <= attempts < 40  # every five minutes at the latest, and seldom enough
    post.answers.clear()
    post.sent.clear()
    for _ in range(10):
        pass_time(seconds=dispatch.LONGEST_PAUSE_SECONDS)
        dispatch.run(post)
    by_resource: dict[str, list[str]] = {}
    for document in post.sent:
        by_resource.setdefault(document["subject"], []).append(document["id"])
    for name, ids in by_resource.items():
        assert ids == [str(event.pk) for event in events if event.resource_id == name]
    assert states(webhook) == {"delivered": 60}


def test_given_up_is_visible_lets_the_next_pass_and_can_be_tried_again(
    webhook: Webhook, record: Record, post: Post, settings: Settings
) -> None:
    bad, after = record(), record()
    post.answers[str(bad.pk)] = BAD
    dispatch.run(post)
    pass_time(seconds=settings.WEBHOOK_GIVE_UP_SECONDS)
    assert dispatch.run(post) == 1
    assert states(webhook) == {"dead": 1, "delivered": 1}
    dead = WebhookDelivery.objects.get(state=DeliveryState.DEAD)
    assert (dead.last_status, dead.last_error, dead.attempts) == (400, "Answered 400.", 2)
    assert post.ids[-1] == str(after.pk)
    post.answers.clear()
    assert services.webhook_redrive(webhook=webhook) == 1
    assert dispatch.run(post) == 1
    assert states(webhook) == {"delivered": 2}
    assert services.webhook_redrive(webhook=webhook) == 0


def test_busy_webhook_does_not_starve_another(
    webhook: Webhook, receiver: Receiver, record: Record, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatch, "PARALLEL", 1)
    for number in range(100):
        record(resource_id=f"i-{number}")
    other, _ = services.webhook_create(project_id="2" * 32, created_by="bob", url=receiver.url + "/other")
    for _ in range(2):
        record(project_id="2" * 32)
    dispatch.run(post)
    places = [place for place, url in enumerate(post.urls) if url == other.url]
    assert len(places) == 3  # one tells of the webhook itself
    assert places[-1] <= 6
    assert post.urls.count(webhook.url) == dispatch.DELIVERIES_PER_WEBHOOK


def test_webhooks_are_served_side_by_side(webhook: Webhook, receiver: Receiver, record: Record) -> None:
    """One that hangs does not keep the others waiting: it goes on only when another one was served."""
    other, _ = services.webhook_create(project_id="2" * 32, created_by="bob", url=receiver.url + "/other")
    other_was_served = threading.Event()
    record()

    def post(url: str, headers: dict[str, str], body: bytes, *, timeout_seconds: float) -> Answer:
        if url == other.url:
            other_was_served.set()
            return TAKEN
        return TAKEN if other_was_served.wait(30) else AWAY

    assert dispatch.run(post) == 2


@pytest.fixture
def another_dispatcher(db: None) -> DispatcherLease:
    return DispatcherLease.objects.create(
        name="webhooks", token="its", until=timezone.now() + timedelta(seconds=60)
    )


def test_one_process_sends_at_a_time_and_a_dead_one_is_replaced(
    webhook: Webhook, record: Record, post: Post, another_dispatcher: DispatcherLease
) -> None:
    record()
    assert dispatch.run(post) == 0
    DispatcherLease.objects.update(until=timezone.now())
    assert dispatch.run(post) == 1
    record()
    assert dispatch.run(post) == 1  # it gave the lease back


def test_killed_sender_sends_again_what_it_did_not_note(
    webhook: Webhook, record: Record, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = record()

    def killed(*args: object) -> bool:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(dispatch, "_note", killed)
        with pytest.raises(KeyboardInterrupt):
            dispatch.run(post)
    assert dispatch.run(post) == 1
    assert post.ids == [str(event.pk)] * 2  # the receiver knows it by its id


def test_disabled_webhook_is_sent_nothing(webhook: Webhook, record: Record, post: Post) -> None:
    record()
    services.webhook_update(webhook=webhook, is_enabled=False)
    record()
    assert dispatch.run(post) == 0
    services.webhook_update(webhook=webhook, is_enabled=True)
    dispatch.run(post)
    assert [document["type"] for document in post.sent] == [
        "dbaas.instances.updated",
        "dbaas.webhooks.updated",
    ]


def test_unreadable_secret_pauses_its_webhook_alone(
    webhook: Webhook, receiver: Receiver, record: Record, post: Post
) -> None:
    Webhook.objects.filter(pk=webhook.pk).update(sealed_secret="nobody.knows")
    services.webhook_create(project_id="2" * 32, created_by="bob", url=receiver.url + "/other")
    record()
    assert dispatch.run(post) == 1
    webhook.refresh_from_db()
    assert "secret" in webhook.last_error
