"""Instances over HTTP: the contract's keys, codes and refusals."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from datastores.models import DatastoreVersion, Flavor
from dbaas.accounts import quotas
from dbaas.taskmanager.models import Operation
from instances.models import Instance, InstanceState
from tests.unit.instances.api.conftest import Api, Projects

pytestmark = pytest.mark.django_db
PASSWORD = "correct-horse-battery"
SOME_ID = "635875af-3bae-4c46-af70-717c742d8eb5"


@pytest.fixture
def body(version: DatastoreVersion, flavor: Flavor, sent: list[Any]) -> dict[str, Any]:
    return {
        "name": "db1",
        "flavorRef": 1,
        "volume": {"size": "2"},
        "datastore": {"type": "MariaDB", "version": "10.11"},
        "databases": [{"name": "app", "character_set": "utf8mb4"}],
        "users": [{"name": "ann", "password": PASSWORD, "databases": [{"name": "app"}]}],
        "nics": [{"net-id": str(uuid.uuid4())}],
        "access": {"is_public": True, "allowed_cidrs": ["10.0.0.0/8", "fd00::/8"]},
        "tags": ["blue"],
        "unknown": "is ignored",
    }


def create(api: Api, base: str, body: dict[str, Any], **headers: str) -> Any:
    return api().post(f"{base}/instances", {"instance": body}, format="json", headers=headers)


def test_create_answers_with_the_new_instance(api: Api, base: str, body: dict[str, Any]) -> None:
    answer = create(api, base, body)
    assert answer.status_code == 200, answer.content
    shown = answer.json()["instance"]
    assert (shown["status"], shown["operating_status"], shown["name"]) == ("BUILD", "", "db1")
    assert shown["flavor"]["id"] == "1"
    assert shown["volume"] == {"size": 2}
    assert shown["datastore"] == {"type": "MariaDB", "version": "10.11", "version_number": "10.11"}
    assert shown["access"] == {"is_public": True, "allowed_cidrs": ["10.0.0.0/8", "fd00::/8"]}
    assert shown["links"][0]["href"] == f"http://testserver{base}/instances/{shown['id']}"
    assert not shown.keys() & {"ip", "addresses", "fault", "tenant_id", "server_id", "replica_of"}
    assert len(shown["created"]) == len("2026-01-01T00:00:00")
    operation = Operation.objects.get(pk=answer["X-Operation-Id"])
    assert operation.resource_id == shown["id"]
    assert api().get(f"{base}/instances/{shown['id']}").json()["instance"]["id"] == shown["id"]


def test_create_keeps_no_password_in_clear(api: Api, base: str, body: dict[str, Any], caplog: Any) -> None:
    answer = create(api, base, body)
    assert PASSWORD not in answer.content.decode()
    assert PASSWORD not in str(Operation.objects.values().get())
    assert PASSWORD not in caplog.text


@pytest.mark.parametrize(
    "changes",
    [
        {"name": None}, {"name": ""}, {"name": "---"}, {"name": 5}, {"name": "x" * 256},
        {"flavorRef": None}, {"flavorRef": ""}, {"flavorRef": []},
        {"volume": {"size": 0}}, {"volume": {"size": "x"}}, {"volume": {}}, {"volume": 3}, {"volume": None},
        {"datastore": "MariaDB"}, {"databases": [{}]}, {"databases": "app"},
        {"databases": [{"name": "mysql"}]},
        {"databases": [{"name": "app"}, {"name": "app"}]}, {"users": [{"name": "ann"}]},
        {"users": [{"name": "ann", "password": ""}]}, {"users": [{"name": "root", "password": "x"}]},
        {"users": [{"name": "ann", "password": "x", "databases": [{"name": "other"}]}]},
        {"nics": [{"net-id": "x"}]}, {"nics": [{}]}, {"nics": [{"port": "x"}]},
        {"nics": [{"net-id": SOME_ID, "ip_address": "10.0.0.1"}]},
        {"nics": [{"net-id": SOME_ID}] * 2},
        {"access": {"is_public": "perhaps"}}, {"access": {"allowed_cidrs": ["10.0.0.0/33"]}},
        {"access": {"allowed_cidrs": ["10.0.0.0/8"] * 2}}, {"access": {"other": 1}},
        {"tags": ["a", "a"]}, {"tags": [1]}, {"tags": "a"}, {"deletion_protected": "perhaps"},
    ],
)  # fmt: skip
def test_malformed_create_is_400(api: Api, base: str, body: dict[str, Any], changes: dict[str, Any]) -> None:
    answer = create(api, base, body | changes)
    assert answer.status_code == 400, answer.content
    assert answer.json()["badRequest"]["message"]
    assert not Instance.objects.exists()


@pytest.mark.parametrize("body", [{}, {"instance": None}, {"instance": []}, {"instance": {}}, {"x": 1}])
@pytest.mark.parametrize("method", ["post", "put", "patch"])
def test_malformed_envelope_is_400(api: Api, base: str, instance: Instance, body: Any, method: str) -> None:
    if method != "post" and body == {"instance": {}}:
        return  # nothing to change
    path = f"{base}/instances" if method == "post" else f"{base}/instances/{instance.pk}"
    answer = getattr(api(), method)(path, body, format="json")
    assert answer.status_code == 400
    assert answer.json()["badRequest"]["message"].startswith("Validation error: ")


@pytest.mark.parametrize(
    "changes",
    [
        {"replica_of": SOME_ID}, {"restorePoint": {"backupRef": str(uuid.uuid4())}},
        {"modules": [{"id": "x"}]}, {"locality": "affinity"},
        {"region_name": "elsewhere"},
    ],
)  # fmt: skip
def test_what_is_not_there_yet_is_501(
    api: Api, base: str, body: dict[str, Any], changes: dict[str, Any]
) -> None:
    answer = create(api, base, body | changes)
    assert answer.status_code == 501
    assert answer.json()["notImplemented"]["message"]


def test_quota_is_413_in_troves_words(api: Api, base: str, body: dict[str, Any], projects: Projects) -> None:
    quotas.set_limits(projects["alpha"].pk, {"instances": 1})
    assert create(api, base, body).status_code == 200
    answer = create(api, base, body)
    assert answer.status_code == 413
    assert answer.json()["overLimit"]["message"] == "Quota exceeded for resources: ['instances']."
    assert Instance.objects.count() == 1


def test_too_large_volume_is_413(api: Api, base: str, body: dict[str, Any], settings: Settings) -> None:
    settings.MAX_ACCEPTED_VOLUME_SIZE = 3
    assert create(api, base, body | {"volume": {"size": 4}}).status_code == 413


def test_same_key_creates_one_instance(api: Api, base: str, body: dict[str, Any]) -> None:
    first = create(api, base, body, **{"Idempotency-Key": "k"})
    again = create(api, base, body, **{"Idempotency-Key": "k"})
    assert first.json() == again.json()
    assert first["X-Operation-Id"] == again["X-Operation-Id"]
    assert Instance.objects.count() == Operation.objects.count() == 1


def test_reader_may_look_and_not_touch(api: Api, base: str, instance: Instance, body: dict[str, Any]) -> None:
    reader, url = api("reader"), f"{base}/instances/{instance.pk}"
    assert reader.get(url).status_code == 200
    assert reader.post(f"{base}/instances", {"instance": body}, format="json").status_code == 403
    assert reader.put(url, {"instance": {"name": "x"}}, format="json").status_code == 403
    assert reader.delete(url).status_code == 403
    assert reader.post(f"{url}/action", {"restart": {}}, format="json").status_code == 403


def test_another_projects_instance_is_404(api: Api, instance: Instance, projects: Projects) -> None:
    stranger, url = api("member", "beta"), f"/v1.0/{projects['beta'].pk}/instances/{instance.pk}"
    for answer in (
        stranger.get(url), stranger.delete(url),
        stranger.put(url, {"instance": {"name": "x"}}, format="json"),
        stranger.post(f"{url}/action", {"restart": {}}, format="json"), stranger.get(f"{url}/databases"),
        stranger.get(f"{url}/root"), stranger.get(f"{url}/users/ann"), stranger.get(f"{url}/log"),
    ):  # fmt: skip
        assert answer.status_code == 404
    assert stranger.get(f"/v1.0/{projects['beta'].pk}/instances").json() == {"instances": []}
    assert stranger.get(f"/v1.0/{projects['alpha'].pk}/instances").status_code == 403


@pytest.mark.parametrize("key", ["db1", "1", SOME_ID, "%20", "ü", "a" * 500])
def test_unknown_instance_is_404(api: Api, base: str, instance: Instance, key: str) -> None:
    assert api().get(f"{base}/instances/{key}").status_code == 404


def test_admin_sees_more(api: Api, base: str, instance: Instance) -> None:
    shown = api("admin").get(f"{base}/instances/{instance.pk}").json()["instance"]
    assert shown["tenant_id"] == instance.project_id
    assert shown["encrypted_rpc_messaging"] is True
    assert "tenant_id" not in api().get(f"{base}/instances/{instance.pk}").json()["instance"]


def test_show_tells_addresses_use_and_fault(api: Api, base: str, instance: Instance) -> None:
    address = {"address": "127.77.0.5", "type": "private", "network": "local"}
    Instance.objects.filter(pk=instance.pk).update(
        addresses=[address], fault_message="It broke.", fault_code="broken", fault_at=instance.created_at
    )
    type(instance.guest).objects.update(volume_used_bytes=2**28, volume_total_bytes=2**30)
    shown = api().get(f"{base}/instances/{instance.pk}").json()["instance"]
    assert shown["ip"] == ["127.77.0.5"]
    assert shown["addresses"] == [address]
    assert shown["access"] == {"is_public": False}
    assert shown["volume"] == {"size": 1, "used": 0.25, "used_percent": 25.0}
    assert shown["fault"]["message"] == "It broke."
    assert shown["fault"]["details"] is None
    listed = api().get(f"{base}/instances/detail").json()["instances"][0]
    assert listed["volume"] == {"size": 1}


def test_lists_page_and_cost_a_constant_number_of_queries(
    api: Api, base: str, projects: Projects, make_instance: Callable[..., Instance]
) -> None:
    client = api()

    def cost(path: str) -> int:
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert client.get(path).status_code == 200
        return len(queries)

    make_instance(project_id=projects["alpha"].pk, name="db0")
    one = cost(f"{base}/instances"), cost(f"{base}/instances/detail")
    for number in range(1, 25):
        make_instance(project_id=projects["alpha"].pk, name=f"db{number}")
    assert (cost(f"{base}/instances"), cost(f"{base}/instances/detail")) == one
    page = client.get(f"{base}/instances?include_clustered=False").json()
    assert len(page["instances"]) == 20
    rest = client.get(page["links"][0]["href"]).json()
    assert "include_clustered=False" in page["links"][0]["href"]
    assert [item["name"] for item in page["instances"] + rest["instances"]] == [
        f"db{number}" for number in reversed(range(25))
    ]
    assert "links" not in rest


def test_rename_tags_and_protection(api: Api, base: str, instance: Instance) -> None:
    url = f"{base}/instances/{instance.pk}"
    for method, change in (
        ("put", {"name": "new"}),
        ("patch", {"tags": ["a", "b"], "deletion_protected": 1}),
    ):
        answer = getattr(api(), method)(url, {"instance": change}, format="json")
        assert (answer.status_code, answer.content) == (202, b"")
        assert answer["Content-Type"] == "application/json"
    shown = api().get(url).json()["instance"]
    assert (shown["name"], shown["tags"], shown["deletion_protected"]) == ("new", ["a", "b"], True)
    assert api().delete(url).status_code == 403
    assert api().put(url, {"instance": {"nmae": "x"}}, format="json").status_code == 400
    for key in ("replica_of", "slave_of"):  # that they are there is what counts
        assert api().put(url, {"instance": {key: None}}, format="json").status_code == 501


def test_restart_and_delete_name_their_operation(
    api: Api, base: str, instance: Instance, sent: list[Any]
) -> None:
    url = f"{base}/instances/{instance.pk}"
    answer = api().post(f"{url}/action", {"restart": {}}, format="json")
    assert answer.status_code == 202
    assert Operation.objects.get(pk=answer["X-Operation-Id"]).kind == "instances.restart_instance"
    assert api().get(url).json()["instance"]["status"] == "REBOOT"
    assert api().post(f"{url}/action", {"restart": {}}, format="json").status_code == 422
    deleted = api().delete(url)
    assert deleted.status_code == 202
    assert Operation.objects.get(pk=deleted["X-Operation-Id"]).kind == "instances.delete_instance"
    assert api().delete(url)["X-Operation-Id"] == deleted["X-Operation-Id"]
    Instance.objects.update(state=InstanceState.DELETED, deleted_at=instance.created_at)
    assert api().get(url).status_code == 404


def test_building_instance_is_deleted_by_force(
    api: Api, base: str, building: Instance, sent: list[Any]
) -> None:
    url = f"{base}/instances/{building.pk}"
    assert api().delete(url).status_code == 422
    assert api().post(f"{url}/action", {"reset_status": {}}, format="json").status_code == 403
    forced = api().post(f"{url}/action", {"reset_status": {"force_delete": 1}}, format="json")
    assert (forced.status_code, forced.content) == (202, b"")
    assert api().get(url).json()["instance"]["status"] == "ERROR"
    assert api().delete(url).status_code == 202


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400), ({"nonsense": {}}, 400), ({"restart": {}, "resize": {}}, 400), ({"restart": []}, 400),
        ({"restart": "now"}, 400), ({"resize": {}}, 400), ({"resize": {"x": 1}}, 400),
        ({"promote_to_replica_source": {}}, 501), ({"eject_replica_source": {}}, 501),
    ],
)  # fmt: skip
def test_other_actions(api: Api, base: str, instance: Instance, body: Any, status: int) -> None:
    answer = api().post(f"{base}/instances/{instance.pk}/action", body, format="json")
    assert answer.status_code == status, answer.content


@pytest.mark.parametrize("path", ["log", "ssl", "databases/app"])
def test_routes_of_later_are_501(api: Api, base: str, instance: Instance, path: str) -> None:
    assert api().get(f"{base}/instances/{instance.pk}/{path}").status_code == 501
