"""Events and webhooks over HTTP."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import Settings
from rest_framework.test import APIClient

from dbaas.accounts.models import Project
from dbaas.events import dispatch, services
from dbaas.events.models import Event, Webhook
from dbaas.events.outbound import Answer
from tests.unit.dbaas.events.conftest import Receiver, Record

pytestmark = pytest.mark.django_db
Api = Callable[..., APIClient]


@pytest.fixture
def mine(record: Record, projects: dict[str, Project]) -> Callable[..., Event]:
    return lambda **values: record(project_id=str(projects["alpha"].pk), **values)


@pytest.fixture
def made(api: Api, base: str, receiver: Receiver, private_allowed: None) -> dict[str, Any]:
    answer = api().post(f"{base}/webhooks", {"webhook": {"url": receiver.url}}, format="json")
    assert answer.status_code == 201, answer.content
    webhook: dict[str, Any] = answer.json()["webhook"]
    Webhook.objects.get().deliveries.all().delete()
    return webhook


def ids(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.content
    return [event["id"] for event in answer.json()["events"]]


def test_event_is_shown_whole(api: Api, base: str, mine: Callable[..., Event]) -> None:
    event = mine(before={"name": "a"}, after={"name": "b"}, actor="ann")
    shown = {
        "id": str(event.pk), "type": "instances.updated", "resource_type": "instance", "resource_id": "i-1",
        "project_id": event.project_id, "operation_id": None, "actor": "ann", "request_id": None,
        "before": {"name": "a"}, "after": {"name": "b"},
        "created": event.created_at.replace(microsecond=0, tzinfo=None).isoformat(),
    }  # fmt: skip
    assert api("reader").get(f"{base}/events").json() == {"events": [shown]}
    assert api("reader").get(f"{base}/events/{event.pk}").json() == {"event": shown}
    assert api("reader").get(f"{base}/events/nonsense").status_code == 404


def test_events_are_filtered(api: Api, base: str, mine: Callable[..., Event]) -> None:
    one = mine(type="instances.restart_instance.failed", actor="ann")
    two = mine(type="backups.created", resource_type="backup", resource_id="b-1")
    Event.objects.filter(pk=one.pk).update(created_at=timezone.now() - timedelta(hours=2), request_id="req-1")
    hour_ago = (timezone.now() - timedelta(hours=1)).replace(tzinfo=None).isoformat()
    for query, expected in (
        ({"type": "instances"}, [one]), ({"type": "instances.restart_instance.failed"}, [one]),
        ({"type": "instances.restart"}, []), ({"resource_id": "b-1"}, [two]),
        ({"resource_type": "backup"}, [two]), ({"actor": "ann"}, [one]), ({"request_id": "req-1"}, [one]),
        ({"since": hour_ago}, [two]), ({"until": hour_ago}, [one]), ({}, [two, one]),
        ({"actor": "ann", "resource_id": "b-1"}, []),
    ):  # fmt: skip
        assert ids(api().get(f"{base}/events", query)) == [str(event.pk) for event in expected], query
    for wrong in ("yesterday", "2026-13-01", "9" * 30):
        assert api().get(f"{base}/events", {"since": wrong}).status_code == 400


def test_events_come_in_pages(api: Api, base: str, mine: Callable[..., Event]) -> None:
    events = [str(mine().pk) for _ in range(5)]
    answer = api().get(f"{base}/events?limit=2&type=instances")
    seen = ids(answer)
    while "links" in answer.json():
        mine(type="backups.created")  # rows that come meanwhile move nothing
        answer = api().get(answer.json()["links"][0]["href"])
        seen += ids(answer)
    assert seen == events[::-1]


def test_life_of_a_webhook(api: Api, base: str, made: dict[str, Any], receiver: Receiver) -> None:
    url = f"{base}/webhooks/{made['id']}"
    secret = made.pop("secret")
    assert secret.startswith("whsec_")
    assert api("reader").get(url).json() == {"webhook": made}
    assert api("reader").get(f"{base}/webhooks").json() == {"webhooks": [made]}
    change = {"types": ["dbaas.instances", "backups.created"], "enabled": False, "description": "ops"}
    changed = api().patch(url, {"webhook": change}, format="json").json()["webhook"]
    assert "secret" not in changed
    assert (changed["types"], changed["enabled"]) == (["instances", "backups.created"], False)
    rotated = api().patch(url, {"webhook": {"rotate_secret": True}}, format="json").json()["webhook"]
    assert rotated["secret"] not in {secret, None}
    assert api().delete(url).status_code == 204
    assert api().get(url).status_code == 404
    types = list(Event.objects.order_by("created_at").values_list("type", flat=True))
    assert types == ["webhooks.created", "webhooks.updated", "webhooks.updated", "webhooks.deleted"]
    kept = str(list(Event.objects.values()))
    assert secret not in kept
    assert rotated["secret"] not in kept


@pytest.mark.parametrize(
    "url",
    ["https://127.0.0.1/", "https://localhost/x", "https://169.254.169.254/latest/meta-data",
     "https://10.1.2.3/", "https://[::1]/", "https://[::ffff:10.0.0.1]/", "http://93.184.216.34/",
     "https://93.184.216.34:25/", "x"],
)  # fmt: skip
def test_webhook_cannot_be_aimed_inside(api: Api, base: str, url: str) -> None:
    answer = api().post(f"{base}/webhooks", {"webhook": {"url": url}}, format="json")
    assert answer.status_code == 400, answer.content
    assert not Webhook.objects.exists()


def test_nor_be_moved_inside(api: Api, base: str, made: dict[str, Any], settings: Settings) -> None:
    settings.WEBHOOKS_ALLOW_PRIVATE = False
    url = f"{base}/webhooks/{made['id']}"
    answer = api().patch(url, {"webhook": {"url": "https://10.0.0.1/"}}, format="json")
    assert answer.status_code == 400
    assert Webhook.objects.get().url == made["url"]


def test_one_made_before_the_rule_is_not_sent_inside(
    made: dict[str, Any], settings: Settings, mine: Callable[..., Event], receiver: Receiver
) -> None:
    settings.WEBHOOKS_ALLOW_PRIVATE = False
    mine()
    assert dispatch.run() == 0
    assert receiver.requests == []
    assert "https://" in Webhook.objects.get().last_error


@pytest.mark.parametrize(
    "body",
    [{}, {"webhook": {}}, {"webhook": {"url": 5}}, {"webhook": {"url": "https://8.8.8.8/", "types": "all"}},
     {"webhook": {"url": "https://8.8.8.8/", "types": ["a", "a"]}},
     {"webhook": {"url": "https://8.8.8.8/", "x": 1}},
     {"webhook": {"url": "https://8.8.8.8/", "secret": "mine"}}],
)  # fmt: skip
def test_malformed_bodies(api: Api, base: str, body: dict[str, Any]) -> None:
    assert api().post(f"{base}/webhooks", body, format="json").status_code == 400


def test_given_up_deliveries_are_seen_and_tried_again(
    api: Api, base: str, made: dict[str, Any], mine: Callable[..., Event], settings: Settings
) -> None:
    settings.WEBHOOK_GIVE_UP_SECONDS = 0
    event = mine()
    dispatch.run(lambda *args, **kwargs: Answer(400, "Answered 400."))
    url = f"{base}/webhooks/{made['id']}"
    assert api().get(url).json()["webhook"]["dead"] == 1
    [dead] = api().get(f"{url}/deliveries?state=dead").json()["deliveries"]
    assert (dead["event_id"], dead["event_type"], dead["attempts"]) == (str(event.pk), event.type, 1)
    assert (dead["last_status"], dead["last_error"]) == (400, "Answered 400.")
    assert api().get(f"{url}/deliveries?state=x").status_code == 400
    assert api("reader").post(f"{url}/redrive").status_code == 403
    assert api().post(f"{url}/redrive").json() == {"redriven": 1}
    shown = api().get(url).json()["webhook"]
    assert (shown["dead"], shown["pending"]) == (0, 1)


def test_readers_may_look_only(api: Api, base: str, made: dict[str, Any]) -> None:
    url = f"{base}/webhooks/{made['id']}"
    reader = api("reader")
    assert reader.post(f"{base}/webhooks", {"webhook": {"url": "x"}}, format="json").status_code == 403
    assert reader.patch(url, {"webhook": {}}, format="json").status_code == 403
    assert reader.delete(url).status_code == 403


def test_same_key_makes_one_webhook(api: Api, base: str, receiver: Receiver, private_allowed: None) -> None:
    for _ in range(2):
        answer = api().post(
            f"{base}/webhooks",
            {"webhook": {"url": receiver.url}},
            format="json",
            headers={"Idempotency-Key": "k"},
        )
        assert answer.status_code == 201
        assert answer.json()["webhook"]["secret"].startswith("whsec_")
    assert Webhook.objects.count() == 1


def test_too_many_are_413(api: Api, base: str, made: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "MAX_WEBHOOKS", 1)
    answer = api().post(f"{base}/webhooks", {"webhook": {"url": made["url"]}}, format="json")
    assert answer.status_code == 413
