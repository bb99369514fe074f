"""A tenant is told of all that becomes of an instance, in order, though receiver and sender go away."""

import base64
import hashlib
import hmac
import json
from typing import Any

import pytest

from tests.e2e.stack import ApiSession, PrivateStack, private_stack
from tests.unit.dbaas.events.conftest import Receiver

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]


def test_story_of_an_instance_arrives_in_order_and_its_use_is_counted() -> None:
    receiver = Receiver()
    try:
        with private_stack(WEBHOOKS_ALLOW_PRIVATE="true") as stack:
            _tell(stack, receiver)
    finally:
        receiver.stop()


def _tell(stack: PrivateStack, receiver: Receiver) -> None:
    api = stack.api()
    made = api.post("/webhooks", json={"webhook": {"url": receiver.url, "types": ["instances"]}})
    assert made.status_code == 201, made.text
    receiver.status = 503  # away while the instance is made
    instance_id = _create(stack, api)
    stack.wait_until(lambda: receiver.requests, timeout=60, what="the first attempt")
    stack.process("taskmanager").kill()
    receiver.status = 204
    renamed = api.put(f"/instances/{instance_id}", json={"instance": {"name": "renamed"}})
    assert renamed.status_code == 202, renamed.text
    api.delete(f"/instances/{instance_id}").raise_for_status()

    def told() -> list[dict[str, Any]]:
        return _distinct(receiver, made.json()["webhook"]["secret"])

    def types() -> list[str]:
        return [document["type"].removeprefix("dbaas.instances.") for document in told()]

    stack.wait_until(lambda: "delete_instance.succeeded" in types(), timeout=180, what="the end of the story")
    chapters = [
        types().index(chapter)
        for chapter in ("created", "create_instance.succeeded", "delete_instance.requested")
    ]
    rename = next(
        place for place, document in enumerate(told()) if document["data"]["after"].get("name") == "renamed"
    )
    chapters.insert(2, rename)
    assert chapters == sorted(chapters), types()
    assert types()[-1] == "delete_instance.succeeded"
    events = api.get(f"/events?resource_id={instance_id}&limit=100").json()["events"]
    assert {document["id"] for document in told()} == {event["id"] for event in events}
    asked = next(event for event in events if event["type"] == "instances.delete_instance.requested")
    assert asked["actor"]
    assert asked["request_id"].startswith("req-")
    _check_usage(stack, api.project_id, instance_id)


def _create(stack: PrivateStack, api: ApiSession) -> str:
    flavor = api.get("/flavors").json()["flavors"][0]["id"]
    body = {
        "name": "told", "flavorRef": flavor, "volume": {"size": 1}, "datastore": {"type": "mariadb"},
        "users": [{"name": "joe", "password": "planted-Passw0rd", "databases": [{"name": "app"}]}],
        "databases": [{"name": "app"}],
    }  # fmt: skip
    answer = api.post("/instances", json={"instance": body})
    assert answer.status_code == 200, answer.text
    instance_id = str(answer.json()["instance"]["id"])

    def is_healthy() -> bool:
        shown = api.get(f"/instances/{instance_id}").json()["instance"]
        return bool(shown["operating_status"] == "HEALTHY")

    stack.wait_until(is_healthy, timeout=150, what="the instance")
    return instance_id


def _distinct(receiver: Receiver, secret: str) -> list[dict[str, Any]]:
    """What came, each event once, in the order of first arrival; signatures checked."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    documents: dict[str, dict[str, Any]] = {}
    for _, headers, body in list(receiver.requests):
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        expected = "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
        assert headers["webhook-signature"] == expected
        assert b"planted" not in body
        document = json.loads(body)
        documents.setdefault(document["id"], document)
    return list(documents.values())


def _check_usage(stack: PrivateStack, project_id: str, instance_id: str) -> None:
    operator = stack.api("admin")

    def rows() -> list[dict[str, Any]]:
        answer = operator.get(f"/mgmt/usage?project_id={project_id}")
        used: list[dict[str, Any]] = answer.json()["usage"]
        return used

    [row] = rows()
    assert row["resource_id"] == instance_id
    assert row["instance_seconds"] == row["volume_gb_seconds"] > 0
    assert rows() == [row]  # over: it grows no more
    report = json.loads(
        stack.python("manage.py", "usage_report", "--project", project_id, "--format", "json")
    )
    assert report["usage"] == [row]
