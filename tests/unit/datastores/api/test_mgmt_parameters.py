"""Operators write configuration parameters over HTTP."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from datastores.models import ConfigurationParameter, Datastore, DatastoreVersion
from dbaas.accounts import tokens
from dbaas.accounts.models import Project, RoleAssignment, User

pytestmark = pytest.mark.django_db
NEW = {
    "name": "max_connections",
    "restart_required": 0,
    "data_type": "integer",
    "max_size": 100,
    "min_size": 1,
}


@pytest.fixture
def version() -> DatastoreVersion:
    owner = Datastore.objects.create(name="mariadb")
    return DatastoreVersion.objects.create(datastore=owner, name="10.11", version="10.11", engine="mariadb")


@pytest.fixture
def project() -> Project:
    return Project.objects.create(name="ops")


def client(project: Project, role: str) -> APIClient:
    user, _ = User.objects.get_or_create(name=role)
    RoleAssignment.objects.get_or_create(user=user, project=project, role=role)
    token, _ = tokens.issue(user=user, project=project, methods=["password"])
    return APIClient(headers={"X-Auth-Token": token.reveal()}, raise_request_exception=False)


@pytest.fixture
def url(project: Project, version: DatastoreVersion) -> str:
    return f"/v1.0/{project.pk}/mgmt/datastores/versions/{version.pk}/parameters"


def test_life_of_a_parameter(project: Project, url: str) -> None:
    admin = client(project, "admin")
    made = admin.post(url, {"configuration-parameter": NEW}, format="json")
    assert made.status_code == 200, made.content
    shown = made.json()["configuration-parameter"]
    assert (shown["name"], shown["max_size"], shown["min_size"]) == ("max_connections", 100, 1)
    assert shown["restart_required"] is False
    listed = admin.get(url).json()["configuration-parameters"]
    assert listed == [shown] == [admin.get(f"{url}/max_connections").json()["configuration-parameter"]]
    body = {"configuration-parameter": {"restart_required": 1, "max_size": "200"}}
    changed = admin.put(f"{url}/max_connections", body, format="json")
    assert changed.status_code == 200, changed.content
    assert changed.json()["configuration-parameter"]["max_size"] == 200
    assert ConfigurationParameter.objects.get().restart_required is True
    assert admin.delete(f"{url}/max_connections").status_code == 204
    assert admin.delete(f"{url}/max_connections").status_code == 400
    assert admin.get(f"{url}/max_connections").status_code == 404


@pytest.mark.parametrize(
    "change",
    [
        {"max_size": None}, {"max_size": "much"}, {"min_size": 1000}, {"data_type": "date"}, {"name": ""},
        {"restart_required": 2}, {"colour": "red"}, {"name": "a\x00b"}, {"max_size": True},
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(project: Project, url: str, change: dict[str, Any]) -> None:
    answer = client(project, "admin").post(url, {"configuration-parameter": {**NEW, **change}}, format="json")
    assert answer.status_code == 400, answer.content
    assert not ConfigurationParameter.objects.exists()


def test_one_that_exists_is_refused(project: Project, url: str) -> None:
    admin = client(project, "admin")
    assert admin.post(url, {"configuration-parameter": NEW}, format="json").status_code == 200
    again = {**NEW, "name": "MAX_CONNECTIONS"}
    assert admin.post(url, {"configuration-parameter": again}, format="json").status_code == 400


def test_only_operators_may(project: Project, url: str) -> None:
    member = client(project, "member")
    assert member.get(url).status_code == 403
    assert member.post(url, {"configuration-parameter": NEW}, format="json").status_code == 403
