"""Stop, start, reboot, rebuild, resize and upgrade over the API: what is taken, and what is refused."""

from collections.abc import Callable
from typing import Any

import pytest

from datastores.models import Datastore, DatastoreVersion, Flavor
from dbaas.accounts import quotas
from dbaas.taskmanager import workflow
from dbaas.taskmanager.models import Operation
from guestagent.protocol.types import DatastoreStatus
from instances.models import Instance, InstanceState
from tests.unit.instances.api.conftest import Api

ADMIN_VERBS: list[tuple[dict[str, Any], str]] = [
    ({"stop": {}}, "stop_instance"),
    ({"reboot": {}}, "reboot_instance"),
    ({"rebuild": {"image_id": "6c0f4e0a-5c4b-4a70-9d54-0ad2d80c7f0e"}}, "rebuild_instance"),
]


@pytest.fixture(autouse=True)
def larger(db: None) -> Flavor:
    return Flavor.objects.create(id="2", name="db.small", ram_mb=1024, vcpus=1, disk_gb=5)


@pytest.fixture
def newer(version: DatastoreVersion) -> DatastoreVersion:
    return DatastoreVersion.objects.create(
        datastore=version.datastore, name="10.11.19", version="10.11.19", engine="mariadb"
    )


@pytest.fixture
def act(api: Api, base: str, instance: Instance) -> Callable[..., Any]:
    def act(body: Any, *, role: str = "member", prefix: str = "/instances") -> Any:
        return api(role).post(f"{base}{prefix}/{instance.pk}/action", body, format="json")

    return act


def operation_of(answer: Any) -> Operation:
    assert answer.status_code == 202, answer.content
    return Operation.objects.get(pk=answer["X-Operation-Id"])


def reserved(instance: Instance) -> dict[str, int]:
    return {line.resource: line.reserved for line in quotas.usage(instance.project_id) if line.reserved}


def test_resizing_the_flavor_reserves_the_difference(
    act: Callable[..., Any], instance: Instance, sent: list[Any]
) -> None:
    operation = operation_of(act({"resize": {"flavorRef": 2}}))
    assert (operation.kind, operation.params) == ("instances.resize_flavor", {"flavor": "2"})
    assert reserved(instance) == {"ram": 512}
    instance.refresh_from_db()
    assert (instance.state, instance.flavor_id) == (InstanceState.RESIZING, "1")
    assert act({"restart": {}}).status_code == 422


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"flavorRef": 1}, 400), ({"flavorRef": "99"}, 404), ({"flavorRef": None}, 400),
        ({"volume": {"size": 1}}, 400), ({"volume": {"size": "x"}}, 400), ({"volume": {}}, 400),
        ({"volume": 3}, 400), ({"volume": {"size": 100000}}, 413), ({"volume": {"size": 40}}, 413),
    ],
)  # fmt: skip
def test_resizes_that_make_no_sense(
    act: Callable[..., Any], instance: Instance, body: Any, status: int, settings: Any
) -> None:
    settings.MAX_ACCEPTED_VOLUME_SIZE = 50
    quotas.set_limits(instance.project_id, {"volumes": 20})
    answer = act({"resize": body})
    assert answer.status_code == status, answer.content
    instance.refresh_from_db()
    assert instance.state == InstanceState.ACTIVE
    assert not Operation.objects.exists()
    assert not reserved(instance)


@pytest.mark.usefixtures("sent")
@pytest.mark.parametrize(
    ("body", "growth"),
    [({"flavorRef": 2}, {"ram": 512}), ({"volume": {"size": 3}}, {"volumes": 2})],
)
@pytest.mark.parametrize("works", [True, False])
def test_quota_and_size_follow_the_outcome(
    act: Callable[..., Any], instance: Instance, body: Any, growth: dict[str, int], works: bool
) -> None:
    operation = operation_of(act({"resize": body}))
    recipe = workflow.load(operation.kind)
    if works:
        recipe.succeeded(operation)
    else:
        recipe.failed(operation, "volume_failed", "It did not work.")
    instance.refresh_from_db()
    assert instance.state == InstanceState.ACTIVE
    assert instance.fault_code == ("" if works else "volume_failed")
    has_grown = (instance.flavor_id, instance.volume_size_gb) != ("1", 1)
    assert has_grown is works
    used = {line.resource: line.in_use for line in quotas.usage(instance.project_id) if line.in_use}
    assert used == (growth if works else {})
    assert not reserved(instance)
    quotas.release(holder=str(instance.pk))
    assert not any(line.in_use for line in quotas.usage(instance.project_id))


def test_stop_and_start(act: Callable[..., Any], instance: Instance, sent: list[Any]) -> None:
    assert act({"start": {}}).status_code == 422
    stop = operation_of(act({"stop": {}}))
    assert stop.kind == "instances.stop_instance"
    assert act({"stop": {}}).status_code == 422
    workflow.load(stop.kind).succeeded(stop)
    Operation.objects.update(state="succeeded", exclusive_key=None)
    instance.refresh_from_db()
    assert instance.state == InstanceState.STOPPED
    assert act({"restart": {}}).status_code == 422
    assert act({"reset_status": {}}, role="admin").status_code == 202
    start = operation_of(act({"start": {}}))
    workflow.load(start.kind).failed(start, "server_failed", "It did not come up.")
    instance.refresh_from_db()
    assert (instance.state, instance.fault_code) == (InstanceState.STOPPED, "server_failed")


@pytest.mark.parametrize(("body", "kind"), ADMIN_VERBS)
def test_operators_act_whatever_the_database_says(
    act: Callable[..., Any], instance: Instance, sent: list[Any], body: Any, kind: str
) -> None:
    instance.guest.datastore_status = DatastoreStatus.FAILED.value
    instance.guest.save(update_fields=["datastore_status"])
    assert act(body, prefix="/mgmt/instances").status_code == 403
    assert operation_of(act(body, role="admin", prefix="/mgmt/instances")).kind == f"instances.{kind}"


@pytest.mark.usefixtures("sent")
def test_a_rebuild_keeps_its_new_key_sealed(act: Callable[..., Any], instance: Instance) -> None:
    operation = operation_of(act(ADMIN_VERBS[2][0], role="admin", prefix="/mgmt/instances"))
    assert operation.params["public_key"] != instance.guest.public_key
    assert operation.sealed_params
    assert "signing_key" not in str(operation.params)


def test_there_is_no_other_host(act: Callable[..., Any], instance: Instance) -> None:
    answer = act({"migrate": {}}, role="admin", prefix="/mgmt/instances")
    assert answer.status_code == 422
    assert "one host" in answer.content.decode()


@pytest.mark.usefixtures("sent")
@pytest.mark.parametrize("method", ["put", "patch"])
def test_upgrade_changes_the_version_when_it_has_proved_good(
    api: Api, base: str, instance: Instance, newer: DatastoreVersion, method: str
) -> None:
    url = f"{base}/instances/{instance.pk}"
    answer = getattr(api(), method)(url, {"instance": {"datastore_version": "10.11.19"}}, format="json")
    operation = operation_of(answer)
    assert operation.params == {"datastore_version": str(newer.pk), "version": "10.11.19"}
    shown = api().get(url).json()["instance"]
    assert (shown["status"], shown["datastore"]["version"]) == ("UPGRADE", "10.11")
    workflow.load(operation.kind).succeeded(operation)
    shown = api().get(url).json()["instance"]
    assert (shown["status"], shown["datastore"]["version"]) == ("ACTIVE", "10.11.19")


def test_what_is_no_upgrade(api: Api, base: str, instance: Instance, newer: DatastoreVersion) -> None:
    other = Datastore.objects.create(name="PostgreSQL")
    DatastoreVersion.objects.create(datastore=other, name="15", version="15", engine="postgresql")
    DatastoreVersion.objects.create(datastore=newer.datastore, name="10.6", version="10.6", engine="mariadb")
    url = f"{base}/instances/{instance.pk}"
    for version, status in (("10.11", 400), ("10.6", 400), ("15", 404), ("nonsense", 404), ("", 400)):
        answer = api().put(url, {"instance": {"datastore_version": version}}, format="json")
        assert answer.status_code == status, answer.content
    both = {"datastore_version": str(newer.pk), "configuration": None}
    assert api().put(url, {"instance": both}, format="json").status_code == 400
    instance.guest.datastore_status = DatastoreStatus.FAILED.value
    instance.guest.save(update_fields=["datastore_status"])
    answer = api().put(url, {"instance": {"datastore_version": str(newer.pk)}}, format="json")
    assert answer.status_code == 422
