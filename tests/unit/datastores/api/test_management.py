"""Datastore versions for operators (contract 1.8)."""

import uuid
from typing import Any

import pytest
from rest_framework.test import APIClient

from datastores.models import Datastore, DatastoreVersion
from dbaas.accounts.models import Project
from tests.unit.datastores.conftest import Api
from tests.unit.datastores.graphs import make_default, make_flavor, make_version

pytestmark = pytest.mark.django_db


@pytest.fixture
def base(project: Project) -> str:
    return f"/v1.0/{project.id}/mgmt/datastore-versions"


@pytest.fixture
def operator(api: Api) -> APIClient:
    return api("admin")


BODY: dict[str, Any] = {
    "name": "11.4",
    "datastore_name": "mariadb",
    "datastore_manager": "mariadb",
    "image_tags": ["dbaas", "mariadb"],
    "packages": [],
    "active": True,
    "default": False,
    "version": "11.4.2",
}


def create(operator: APIClient, base: str, **changes: Any) -> Any:
    return operator.post(base, {"version": BODY | changes}, format="json")


def test_create_makes_the_datastore_and_the_first_version_its_default(operator: APIClient, base: str) -> None:
    answer = create(operator, base)
    assert (answer.status_code, answer.content) == (202, b"")
    version = DatastoreVersion.objects.get()
    assert operator.get(f"{base}/{version.pk}").json()["version"] == {
        "id": str(version.pk),
        "name": "11.4",
        "version": "11.4.2",
        "datastore_id": str(version.datastore_id),
        "datastore_name": "mariadb",
        "datastore_manager": "mariadb",
        "image": "",
        "image_tags": ["dbaas", "mariadb"],
        "packages": [""],
        "active": True,
        "registry_ext": "",
        "repl_strategy": "",
        "default": True,
    }
    assert [item["name"] for item in operator.get(base).json()["versions"]] == ["11.4"]


def test_create_takes_the_name_for_the_number(operator: APIClient, base: str) -> None:
    assert create(operator, base, version=None).status_code == 202
    assert DatastoreVersion.objects.get().version == "11.4"


@pytest.mark.parametrize(
    "changes",
    [
        {"image_tags": []},
        {"image_tags": ["a", "b", "c", "d", "e", "f"]},
        {"image_tags": ["a", "a"]},
        {"datastore_manager": "oracle"},
        {"active": "perhaps"},
        {"active": False, "default": True},
        {"name": "!!"},
        {"surprise": 1},
    ],
    ids=str,
)
def test_create_refuses(operator: APIClient, base: str, changes: dict[str, Any]) -> None:
    assert create(operator, base, **changes).status_code == 400
    assert not Datastore.objects.exists()


@pytest.mark.parametrize("body", [{}, {"version": []}, {"version": {}}, [], {"name": "x"}])
def test_create_refuses_malformed_bodies(operator: APIClient, base: str, body: Any) -> None:
    assert operator.post(base, body, format="json").status_code == 400


def test_create_refuses_one_that_exists(operator: APIClient, base: str) -> None:
    create(operator, base)
    answer = create(operator, base)
    assert answer.status_code == 400
    assert "exists already" in answer.json()["badRequest"]["message"]


def test_change(operator: APIClient, base: str) -> None:
    version = make_version(packages=["kept"])
    change = {"image": "i-2", "image_tags": [""], "active": 0, "name": "renamed", "datastore_manager": None}
    answer = operator.patch(f"{base}/{version.pk}", change, format="json")
    assert (answer.status_code, answer.content) == (202, b"")
    version.refresh_from_db()
    assert (version.image_id, version.image_tags, version.active) == ("i-2", [], False)
    assert (version.name, version.engine, version.packages) == ("renamed", "mariadb", ["kept"])


def test_default_is_taken_moved_and_lost(operator: APIClient, base: str) -> None:
    first, second = make_version(), make_version(name="10.6")
    datastore = first.datastore

    def default() -> uuid.UUID | None:
        datastore.refresh_from_db()
        return datastore.default_version_id

    def patch(version: DatastoreVersion, **change: Any) -> int:
        return int(operator.patch(f"{base}/{version.pk}", change, format="json").status_code)

    assert (patch(first, default=True), default()) == (202, first.pk)
    assert (patch(second, default=False), default()) == (202, first.pk)
    assert (patch(second, default=True), default()) == (202, second.pk)
    assert (patch(second, default=False), default()) == (202, None)
    assert (patch(first, default=True), patch(first, active=False), default()) == (202, 202, None)
    assert (patch(first, default=True), default()) == (400, None)


def test_change_refuses_the_name_of_another(operator: APIClient, base: str) -> None:
    make_version(name="10.6", version="1")
    version = make_version(version="1")
    answer = operator.patch(f"{base}/{version.pk}", {"name": "10.6"}, format="json")
    assert answer.status_code == 400
    version.refresh_from_db()
    assert version.name == "10.11"


def test_delete(operator: APIClient, base: str) -> None:
    version = make_version()
    make_default(version)
    assert operator.delete(f"{base}/{version.pk}").status_code == 202
    assert operator.get(f"{base}/{version.pk}").status_code == 404
    assert operator.delete(f"{base}/{version.pk}").status_code == 404
    assert Datastore.objects.get().default_version_id is None


@pytest.mark.parametrize("ref", ["no-id", "5a1a557c-2adc-43aa-ad94-f4b643d7dba8"])
def test_unknown_version_is_404(operator: APIClient, base: str, ref: str) -> None:
    assert operator.get(f"{base}/{ref}").status_code == 404


def test_flavors_are_associated(operator: APIClient, base: str) -> None:
    version = make_version()
    for key in "123":
        make_flavor(key, f"f{key}")
    url = f"{base}/{version.pk}/flavors"

    def ids(answer: Any) -> list[str]:
        assert answer.status_code == 200, answer.content
        return [flavor["str_id"] for flavor in answer.json()["flavors"]]

    assert ids(operator.get(url)) == ["1", "2", "3"]
    assert ids(operator.put(url, {"flavors": ["1", "3"]}, format="json")) == ["1", "3"]
    assert ids(operator.put(url, {"flavors": ["3"]}, format="json")) == ["3"]
    assert operator.put(url, {"flavors": ["9"]}, format="json").status_code == 404
    assert ids(operator.put(url, {"flavors": []}, format="json")) == ["1", "2", "3"]


def test_only_operators_may(api: Api, base: str) -> None:
    version = make_version()
    client = api("member")
    assert client.get(base).status_code == 403
    assert client.delete(f"{base}/{version.pk}").status_code == 403
    assert DatastoreVersion.objects.exists()
