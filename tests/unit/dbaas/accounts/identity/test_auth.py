"""Logging in over the wire: what is accepted, what is refused, and that refusals look alike."""

import logging
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import Settings
from rest_framework.test import APIClient

from dbaas.accounts import services
from dbaas.accounts.models import ApplicationCredential, Token, User
from tests.unit.dbaas.accounts.conftest import PASSWORD, People

URL = "/identity/v3/auth/tokens"
DEFAULT = {"id": "default"}
Json = dict[str, Any]


def password(name: str = "mel", secret: str = PASSWORD, domain: Json = DEFAULT, **user: Any) -> Json:
    who = user or {"name": name, "domain": domain}
    return {"methods": ["password"], "password": {"user": {**who, "password": secret}}}


def login(client: APIClient, identity: Json, scope: Any = None, **headers: Any) -> Any:
    auth: Json = {"identity": identity}
    if scope is not None:
        auth["scope"] = scope
    return client.post(URL, {"auth": auth}, format="json", **headers)


def to_project(name: str = "alpha", domain: Json = DEFAULT) -> Json:
    return {"project": {"name": name, "domain": domain}}


def test_password_by_name_scoped_by_name(client: APIClient, people: People) -> None:
    response = login(client, password(), to_project())
    assert response.status_code == 201
    assert len(response["X-Subject-Token"]) >= 43
    assert response["Cache-Control"] == "no-store"
    token = response.json()["token"]
    assert token["user"] == {
        "id": people.member.id, "name": "mel", "domain": {"id": "default", "name": "Default"},
        "password_expires_at": None,
    }  # fmt: skip
    assert token["project"]["id"] == people.project.id
    assert {role["name"] for role in token["roles"]} == {"member", "reader"}
    assert token["methods"] == ["password"]
    urls = {service["type"]: {e["url"] for e in service["endpoints"]} for service in token["catalog"]}
    assert urls == {
        "identity": {"http://testserver/identity/v3"},
        "database": {f"http://testserver/v1.0/{people.project.id}"},
    }


def test_password_by_ids(client: APIClient, people: People) -> None:
    response = login(client, password(id=people.member.id), {"project": {"id": people.project.id}})
    assert response.status_code == 201


def test_public_endpoint_is_what_the_catalog_says(
    client: APIClient, people: People, settings: Settings
) -> None:
    settings.PUBLIC_ENDPOINT = "https://db.example.org/"
    catalog = login(client, password(), to_project()).json()["token"]["catalog"]
    assert catalog[1]["endpoints"][0]["url"] == f"https://db.example.org/v1.0/{people.project.id}"


@pytest.mark.parametrize("scope", ["unscoped", {"unscoped": {}}])
def test_unscoped_when_asked(scope: Any, client: APIClient, people: People) -> None:
    token = login(client, password(), scope).json()["token"]
    assert not {"project", "roles", "catalog"} & set(token)


def test_default_project_when_nothing_is_said(client: APIClient, people: People) -> None:
    assert login(client, password()).json()["token"]["project"]["name"] == "alpha"
    User.objects.update(default_project=people.other)  # where mel has no role
    assert "project" not in login(client, password()).json()["token"]


@pytest.mark.parametrize(
    ("identity", "scope"),
    [
        (password(secret="wrong wrong"), to_project()),
        (password(name="nobody"), to_project()),
        (password(id="0" * 32), to_project()),
        (password(domain={"name": "Elsewhere"}), to_project()),
        (password(), to_project("beta")),
        (password(), to_project("nowhere")),
        (password(), to_project(domain={"id": "elsewhere"})),
        (password(), {"domain": {"id": "default"}}),
        (password(), {"system": {"all": True}}),
        ({"methods": ["token"], "token": {"id": "made up"}}, to_project()),
        (
            {"methods": ["application_credential"], "application_credential": {"id": "x", "secret": "y"}},
            None,
        ),
    ],
)
def test_refusals(identity: Json, scope: Any, client: APIClient, people: People) -> None:
    response = login(client, identity, scope)
    assert response.status_code == 401
    assert response.json()["error"]["title"] == "Unauthorized"
    assert "X-Subject-Token" not in response


def test_unknown_user_and_wrong_password_look_alike(client: APIClient, people: People) -> None:
    wrong = login(client, password(secret="wrong wrong"), to_project())
    nobody = login(client, password(name="nobody"), to_project())
    User.objects.filter(pk=people.member.pk).update(enabled=False)
    disabled = login(client, password(), to_project())
    assert wrong.content == nobody.content == disabled.content


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"auth": 1},
        {"auth": {"identity": {"methods": []}}},
        {"auth": {"identity": {"methods": ["totp"]}}},
        {"auth": {"identity": {"methods": ["password"]}}},
        {"auth": {"identity": {"methods": ["password"], "password": {"user": {"name": 5}}}}},
        {"auth": {"identity": {"methods": ["password"], "password": {"user": {"password": ["s3cret"]}}}}},
        {"auth": {"identity": password(), "scope": "everything"}},
        {"auth": {"identity": password(), "scope": {}}},
    ],
)
def test_malformed_bodies_are_400_and_show_no_secret(body: Json, client: APIClient, people: People) -> None:
    response = client.post(URL, body, format="json")
    assert response.status_code == 400
    assert response.json()["error"]["code"] == 400
    assert "s3cret" not in response.content.decode()


def test_token_from_a_token(client: APIClient, people: People) -> None:
    first = login(client, password(), "unscoped")
    again = login(client, {"methods": ["token"], "token": {"id": first["X-Subject-Token"]}}, to_project())
    assert again.status_code == 201
    assert again.json()["token"]["expires_at"] == first.json()["token"]["expires_at"]
    assert set(again.json()["token"]["methods"]) == {"token", "password"}


def test_guessing_is_slowed_and_says_for_how_long(
    client: APIClient, people: People, settings: Settings
) -> None:
    settings.LOGIN_ATTEMPTS_PER_MINUTE = 3
    for _ in range(3):
        assert login(client, password(secret="wrong wrong")).status_code == 401
    refusal = login(client, password())
    assert refusal.status_code == 429
    assert refusal.json()["error"]["code"] == 429
    assert 0 < int(refusal["Retry-After"]) <= 61
    assert login(client, password(id=people.member.id)).status_code == 429, "the id is the same account"
    assert login(client, password("rea")).status_code == 201, "others from there are not stopped yet"
    assert login(client, password(), REMOTE_ADDR="192.0.2.7").status_code == 201, "nor mel from elsewhere"


def test_spraying_many_accounts_is_slowed(client: APIClient, people: People, settings: Settings) -> None:
    settings.LOGIN_ATTEMPTS_PER_MINUTE = 2
    for number in range(10):
        login(client, password(name=f"guess{number}"))
    assert login(client, password()).status_code == 429


def test_no_password_or_token_in_the_log(
    client: APIClient, people: People, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        good = login(client, password(), to_project())
        login(client, password(secret="the wrong one"), to_project())
    assert PASSWORD not in caplog.text
    assert "the wrong one" not in caplog.text
    assert good["X-Subject-Token"] not in caplog.text


class TestSubjectToken:
    def ask(self, client: APIClient, verb: str, token: str, subject: str | None = None) -> Any:
        headers = {"X-Auth-Token": token} | ({"X-Subject-Token": subject} if subject else {})
        return getattr(client, verb)(URL, headers=headers)

    def token(self, client: APIClient, name: str = "mel") -> str:
        return str(login(client, password(name))["X-Subject-Token"])

    def test_validate(self, client: APIClient, people: People) -> None:
        mine = self.token(client)
        response = self.ask(client, "get", mine, mine)
        assert response.status_code == 200
        assert response["X-Subject-Token"] == mine
        assert response.json()["token"]["user"]["name"] == "mel"
        assert self.ask(client, "head", mine, mine).status_code == 200
        without = client.get(f"{URL}?nocatalog", headers={"X-Auth-Token": mine, "X-Subject-Token": mine})
        assert "catalog" not in without.json()["token"]

    def test_revoke_works_at_once(self, client: APIClient, people: People) -> None:
        mine = self.token(client)
        assert self.ask(client, "delete", mine, mine).status_code == 204
        assert self.ask(client, "get", mine, mine).status_code == 401

    def test_others_tokens_are_for_operators(self, client: APIClient, people: People) -> None:
        mine, root = self.token(client), self.token(client, "ada")
        assert self.ask(client, "get", mine, root).status_code == 403
        assert self.ask(client, "get", root, mine).status_code == 200
        assert self.ask(client, "delete", root, mine).status_code == 204
        assert self.ask(client, "get", root, mine).status_code == 404

    def test_refusals(self, client: APIClient, people: People) -> None:
        mine = self.token(client)
        assert self.ask(client, "get", "made up", mine).status_code == 401
        assert client.get(URL, headers={"X-Subject-Token": mine}).status_code == 401
        assert self.ask(client, "get", mine).status_code == 400
        assert self.ask(client, "get", mine, "made up").status_code == 404


class TestApplicationCredential:
    @pytest.fixture
    def made(self, people: People) -> services.NewCredential:
        return services.application_credential_create(
            user=people.member, project=people.project, name="ci", roles=["reader"]
        )

    def login(self, client: APIClient, secret: str, scope: Any = None, **who: Any) -> Any:
        identity = {
            "methods": ["application_credential"],
            "application_credential": {**who, "secret": secret},
        }
        return login(client, identity, scope)

    def test_by_id_and_by_name(self, made: services.NewCredential, client: APIClient) -> None:
        secret = made.secret.reveal()
        for who in ({"id": made.row.id}, {"name": "ci", "user": {"name": "mel", "domain": DEFAULT}}):
            response = self.login(client, secret, **who)
            assert response.status_code == 201
            token = response.json()["token"]
            assert [role["name"] for role in token["roles"]] == ["reader"]
            assert token["application_credential"] == {"id": made.row.id, "name": "ci", "restricted": True}

    def test_refusals(self, made: services.NewCredential, client: APIClient) -> None:
        secret, key = made.secret.reveal(), made.row.id
        assert self.login(client, "wrong", id=key).status_code == 401
        assert self.login(client, secret, name="ci").status_code == 401
        assert self.login(client, secret, scope=to_project(), id=key).status_code == 401
        User.objects.update(enabled=False)
        assert self.login(client, secret, id=key).status_code == 401

    def test_expired(self, made: services.NewCredential, client: APIClient) -> None:
        ApplicationCredential.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
        assert self.login(client, made.secret.reveal(), id=made.row.id).status_code == 401

    def test_its_tokens_end_with_it(self, made: services.NewCredential, client: APIClient) -> None:
        token = self.login(client, made.secret.reveal(), id=made.row.id)["X-Subject-Token"]
        made.row.delete()
        assert client.get("/identity/v3/auth/projects", headers={"X-Auth-Token": token}).status_code == 401
        assert not Token.objects.exists()

    def test_its_tokens_cannot_widen(
        self, made: services.NewCredential, client: APIClient, people: People
    ) -> None:
        services.role_ensure(user=people.member, project=people.other, role="member")
        token = self.login(client, made.secret.reveal(), id=made.row.id)["X-Subject-Token"]
        method = {"methods": ["token"], "token": {"id": token}}
        assert login(client, method, to_project("beta")).status_code == 403
        assert login(client, method, "unscoped").status_code == 403
        again = login(client, method)
        assert [role["name"] for role in again.json()["token"]["roles"]] == ["reader"]

    def test_guessing_is_slowed(
        self, made: services.NewCredential, client: APIClient, settings: Settings
    ) -> None:
        settings.LOGIN_ATTEMPTS_PER_MINUTE = 2
        for _ in range(2):
            self.login(client, "wrong", id=made.row.id)
        assert self.login(client, made.secret.reveal(), id=made.row.id).status_code == 429


def test_with_another_driver_these_addresses_are_gone(
    client: APIClient, people: People, settings: Settings
) -> None:
    settings.IDENTITY_DRIVER = "keystone"
    assert login(client, password()).status_code == 404
