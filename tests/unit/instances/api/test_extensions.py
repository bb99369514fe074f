"""Databases, users, access and root over HTTP; the guest answers from a script."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from dbaas.common.errors import GuestSilent, NotFound
from dbaas.taskmanager.models import Operation
from guestagent.protocol import commands
from guestagent.protocol.types import UserRef
from instances.models import Guest, Instance, RootHistory
from tests.unit.instances.api.conftest import Api, ScriptedGuest

pytestmark = pytest.mark.django_db
PASSWORD = "correct-horse-battery"
ANN = {"name": "ann", "host": "%", "databases": ["app"]}


@pytest.fixture
def client(api: Api, sent: list[Any]) -> APIClient:
    return api()


@pytest.fixture
def url(base: str, instance: Instance, guest: ScriptedGuest) -> str:
    guest.answers[commands.ListDatabases] = {"items": [{"name": "app"}], "next_marker": None}
    guest.answers[commands.ListUsers] = {"items": [ANN], "next_marker": None}
    guest.answers[commands.GetUser] = ANN
    return f"{base}/instances/{instance.pk}"


def kind(answer: Any) -> str:
    assert (answer.status_code, answer.content) == (202, b""), answer.content
    return str(Operation.objects.get(pk=answer["X-Operation-Id"]).kind)


def test_list_databases_pages_by_name(client: APIClient, url: str, guest: ScriptedGuest) -> None:
    guest.answers[commands.ListDatabases] = {"items": [{"name": "a?b"}], "next_marker": "a?b"}
    page = client.get(f"{url}/databases?limit=1").json()
    assert page["databases"] == [{"name": "a?b"}]
    client.get(page["links"][0]["href"])
    assert guest.asked == [
        commands.ListDatabases(limit=1), commands.ListDatabases(limit=1, marker="a?b")
    ]  # fmt: skip


def test_create_and_delete_databases(client: APIClient, url: str) -> None:
    body = {"databases": [{"name": "new", "character_set": "utf8mb4", "collate": "utf8mb4_bin"}]}
    assert kind(client.post(f"{url}/databases", body, format="json")) == "instances.create_databases"
    assert kind(client.delete(f"{url}/databases/app")) == "instances.delete_database"
    assert client.delete(f"{url}/databases/other").status_code == 404
    assert client.delete(f"{url}/databases/mysql").status_code == 400
    assert client.post(f"{url}/databases", {"databases": [{"name": "app"}]}, format="json").status_code == 400


def test_list_and_show_users(client: APIClient, url: str, guest: ScriptedGuest) -> None:
    shown = {"name": "ann", "host": "%", "databases": [{"name": "app"}]}
    assert client.get(f"{url}/users").json() == {"users": [shown]}
    assert client.get(f"{url}/users/ann").json() == {"user": shown}
    assert client.get(f"{url}/users/ann/databases").json() == {"databases": [{"name": "app"}]}


@pytest.mark.parametrize(
    ("text", "user"),
    [
        ("ann", UserRef(name="ann")),
        ("ann%40%25", UserRef(name="ann")),
        ("ann%4010%2e0%2e0%2e%25", UserRef(name="ann", host="10.0.0.%")),
        ("a%40b%40127.0.0.1", UserRef(name="a@b", host="127.0.0.1")),
        ("ann%4010.0.0.0%2F255.0.0.0", UserRef(name="ann", host="10.0.0.0/255.0.0.0")),
    ],
)
def test_user_in_the_url(client: APIClient, url: str, guest: ScriptedGuest, text: str, user: UserRef) -> None:
    assert client.get(f"{url}/users/{text}/databases").status_code == 200
    assert guest.asked == [commands.GetUser(user=user)]


def test_change_users(client: APIClient, url: str, guest: ScriptedGuest) -> None:
    new = {"users": [{"name": "bob", "password": PASSWORD, "host": "10.%", "databases": [{"name": "app"}]}]}
    assert kind(client.post(f"{url}/users", new, format="json")) == "instances.create_users"
    again = {"users": [{"name": "ann", "password": PASSWORD}]}
    assert client.post(f"{url}/users", again, format="json").status_code == 400
    change = {"user": {"password": PASSWORD}}
    assert kind(client.put(f"{url}/users/ann", change, format="json")) == "instances.update_user"
    assert kind(client.put(f"{url}/users", again, format="json")) == "instances.change_passwords"
    grant = {"databases": [{"name": "app"}]}
    assert kind(client.put(f"{url}/users/ann/databases", grant, format="json")) == "instances.grant_access"
    assert kind(client.delete(f"{url}/users/ann/databases/app")) == "instances.revoke_access"
    assert client.delete(f"{url}/users/ann/databases/other").status_code == 404
    assert kind(client.delete(f"{url}/users/ann")) == "instances.delete_user"
    guest.answers[commands.GetUser] = NotFound("User 'eve' cannot be found.")
    assert client.delete(f"{url}/users/eve").status_code == 404
    assert PASSWORD not in str(list(Operation.objects.values()))


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("post", "/databases", {}), ("post", "/databases", {"databases": []}),
        ("post", "/users", {"users": [{}]}),
        ("post", "/databases", {"databases": [{"name": ""}]}),
        ("put", "/users", {"users": [{"name": "ann"}]}),
        ("put", "/users/ann", {"user": {}}), ("put", "/users/ann", {"user": {"shoe": 1}}),
        ("put", "/users/ann", {}),
        ("put", "/users/ann/databases", {"databases": "app"}), ("post", "/root", {"password": 5}),
        ("post", "/root", {"password": ""}),
    ],
)  # fmt: skip
def test_malformed_bodies_are_400(client: APIClient, url: str, method: str, path: str, body: Any) -> None:
    answer = getattr(client, method)(url + path, body, format="json")
    assert answer.status_code == 400, answer.content
    assert not Operation.objects.exists()


def test_root_is_enabled_shown_and_disabled(client: APIClient, url: str, guest: ScriptedGuest) -> None:
    assert client.get(f"{url}/root").json() == {"rootEnabled": False}
    assert client.delete(f"{url}/root").status_code == 404
    made = client.post(f"{url}/root", b"", content_type="application/json")
    assert made.status_code == 200
    user = made.json()["user"]
    assert user["name"] == "root"
    (asked,) = guest.asked
    assert isinstance(asked, commands.EnableRoot)
    assert asked.password.reveal() == user["password"]
    chosen = client.post(f"{url}/root", {"password": PASSWORD}, format="json")
    assert chosen.json() == {"user": {"name": "root", "password": PASSWORD}}
    assert client.get(f"{url}/root").json() == {"rootEnabled": True}
    gone = client.delete(f"{url}/root")
    assert (gone.status_code, gone.content) == (204, b"")
    assert client.get(f"{url}/root").json() == {"rootEnabled": False}


def test_root_password_is_kept_for_its_key(client: APIClient, url: str, guest: ScriptedGuest) -> None:
    answers = [
        client.post(f"{url}/root", {}, format="json", headers={"Idempotency-Key": "k"}).json()
        for _ in range(2)
    ]
    assert answers[0] == answers[1]
    assert len(guest.asked) == 1
    assert RootHistory.objects.count() == 1


@pytest.mark.parametrize("path", ["/databases", "/users", "/users/ann"])
def test_silent_guest_is_503_and_unready_instance_422(
    client: APIClient, url: str, guest: ScriptedGuest, path: str
) -> None:
    for command in (commands.ListDatabases, commands.ListUsers, commands.GetUser):
        guest.answers[command] = GuestSilent("The guest did not answer.")
    assert client.get(url + path).json()["serviceUnavailable"]["code"] == 503
    Guest.objects.update(datastore_status="shutdown")
    assert client.get(url + path).json()["unprocessableEntity"]["code"] == 422
