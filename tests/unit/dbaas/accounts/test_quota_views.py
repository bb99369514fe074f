"""Quotas over HTTP (contract 1.8)."""

from typing import Any

import pytest
from pytest_django import Settings
from rest_framework.test import APIClient

from dbaas.accounts import quotas, tokens
from dbaas.accounts.models import User
from tests.unit.dbaas.accounts.conftest import People

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def small_quotas(settings: Settings) -> None:
    settings.MAX_INSTANCES_PER_TENANT, settings.MAX_RAM_PER_TENANT = 10, -1
    settings.MAX_VOLUMES_PER_TENANT, settings.MAX_BACKUPS_PER_TENANT = 40, 50


def client_of(user: User, people: People) -> APIClient:
    token, _ = tokens.issue(user=user, project=people.project, methods=["password"])
    return APIClient(headers={"X-Auth-Token": token.reveal()})


def url(people: People, target: str) -> str:
    return f"/v1.0/{people.project.pk}/mgmt/quotas/{target}"


def test_reader_sees_her_projects_quotas(people: People) -> None:
    quotas.reserve(project_id=people.project.pk, holder="i-1", deltas={"instances": 1, "volumes": 2})
    quotas.commit(holder="i-1")
    quotas.reserve(project_id=people.project.pk, holder="i-2", deltas={"volumes": 3})
    answer = client_of(people.reader, people).get(url(people, people.project.pk))
    assert answer.status_code == 200
    lines = {line.pop("resource"): line for line in answer.json()["quotas"]}
    assert lines == {
        "instances": {"in_use": 1, "reserved": 0, "limit": 10},
        "ram": {"in_use": 0, "reserved": 0, "limit": -1},
        "volumes": {"in_use": 2, "reserved": 3, "limit": 40},
        "backups": {"in_use": 0, "reserved": 0, "limit": 50},
    }


def test_others_are_for_operators(people: People) -> None:
    assert client_of(people.member, people).get(url(people, people.other.pk)).status_code == 403
    assert client_of(people.admin, people).get(url(people, people.other.pk)).status_code == 200


def test_operator_sets_and_sees_limits(people: People) -> None:
    operator = client_of(people.admin, people)
    there = url(people, people.other.pk)
    answer = operator.put(there, {"quotas": {"instances": 3, "volumes": "-1"}}, format="json")
    assert (answer.status_code, answer.json()) == (200, {"quotas": {"instances": 3, "volumes": -1}})
    shown = {line["resource"]: line["limit"] for line in operator.get(there).json()["quotas"]}
    assert shown == {"instances": 3, "ram": -1, "volumes": -1, "backups": 50}
    mine = {line.resource: line.limit for line in quotas.usage(people.project.pk)}
    assert mine["instances"] == 10


def test_owner_may_not_set_limits(people: People) -> None:
    answer = client_of(people.member, people).put(
        url(people, people.project.pk), {"quotas": {"instances": 99}}, format="json"
    )
    assert answer.status_code == 403


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"quotas": {"moons": 3}}, 404),
        ({"quotas": {"instances": -2}}, 400),
        ({"quotas": {"instances": "many"}}, 400),
        ({"quotas": {"instances": True}}, 400),
        ({"quotas": {"instances": 2**31}}, 400),
        ({"quotas": {}}, 400),
        ({"quotas": []}, 400),
        ({}, 400),
        ([], 400),
    ],
    ids=str,
)
def test_set_refuses(people: People, body: Any, status: int) -> None:
    answer = client_of(people.admin, people).put(url(people, people.other.pk), body, format="json")
    assert answer.status_code == status, answer.content


def test_what_cannot_be_a_project_is_404(people: People) -> None:
    assert client_of(people.admin, people).get(url(people, "x" * 65)).status_code == 404
