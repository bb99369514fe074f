"""Configuration groups over HTTP: the contract's keys and codes, and what is started for whom."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from datastores import groups
from datastores.models import ConfigurationGroup, ConfigurationParameter, DatastoreVersion
from dbaas.taskmanager.models import Operation
from dbaas.taskmanager.workflow import load
from guestagent.protocol.types import DatastoreStatus
from instances.models import Guest, Instance, InstanceState
from instances.workflows.apply_configuration import configuration_command
from tests.unit.instances.api.conftest import Api, Projects

pytestmark = pytest.mark.django_db
PASSWORD = "correct-horse-battery"


@pytest.fixture(autouse=True)
def parameters(version: DatastoreVersion, sent: list[Any]) -> None:
    kinds = ConfigurationParameter.DataType
    for name, kind, low, high, is_static, default in (
        ("max_connections", kinds.INTEGER, "10", "100000", False, "151"),
        ("performance_schema", kinds.BOOLEAN, "", "", True, "false"),
        ("report_password", kinds.STRING, "", "", True, ""),
    ):
        ConfigurationParameter.objects.create(
            datastore_version=version, name=name, data_type=kind, min_size=low, max_size=high,
            restart_required=is_static, default_value=default,
        )  # fmt: skip


@pytest.fixture
def group(api: Api, base: str) -> ConfigurationGroup:
    return make_group(api, base, {"max_connections": 555})


def make_group(api: Api, base: str, values: dict[str, Any]) -> ConfigurationGroup:
    body = {"name": "cfg", "description": "d", "values": values, "datastore": {"type": "MariaDB"}}
    answer = api().post(f"{base}/configurations", {"configuration": body}, format="json")
    assert answer.status_code == 200, answer.content
    return ConfigurationGroup.objects.get(pk=answer.json()["configuration"]["id"])


def attach(api: Api, base: str, instance: Instance, group: ConfigurationGroup | None) -> Any:
    body = {"instance": {"configuration": None if group is None else str(group.pk)}}
    return api().put(f"{base}/instances/{instance.pk}", body, format="json")


def end(operation: Operation, *, ok: bool, **context: Any) -> None:
    """What the engine does when the operation ends."""
    operation.context = context
    recipe = load(operation.kind)
    if ok:
        recipe.succeeded(operation)
    else:
        recipe.failed(operation, "configuration_refused", "max_connections: refused")


def only_operation() -> Operation:
    return Operation.objects.get(kind="instances.apply_configuration")


def shown(api: Api, base: str, group: ConfigurationGroup) -> dict[str, Any]:
    answer = api().get(f"{base}/configurations/{group.pk}")
    assert answer.status_code == 200, answer.content
    body: dict[str, Any] = answer.json()["configuration"]
    return body


def test_created_group_is_shown_and_listed(api: Api, base: str, group: ConfigurationGroup) -> None:
    body = shown(api, base, group)
    assert body["values"] == {"max_connections": 555}
    assert (body["instance_count"], body["datastore_name"]) == (0, "MariaDB")
    assert body["datastore_version_name"] == body["datastore_version_number"] == "10.11"
    assert len(body["created"]) == len("2026-01-01T00:00:00")
    listed = api().get(f"{base}/configurations").json()["configurations"]
    assert [item["id"] for item in listed] == [str(group.pk)]
    assert "values" not in listed[0]


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"no_such": 1}, 422),
        ({"max_connections": 1}, 422),
        ({"max_connections": 100001}, 422),
        ({"max_connections": True}, 422),
        ({"max_connections": "555"}, 422),
        ({"max_connections": None}, 400),
        ({"max_connections": 10**40}, 400),
        ([], 400),
        ("x", 400),
    ],
)
def test_values_that_do_not_fit_are_refused(api: Api, base: str, values: Any, code: int) -> None:
    body = {"name": "cfg", "values": values, "datastore": {"type": "MariaDB"}}
    answer = api().post(f"{base}/configurations", {"configuration": body}, format="json")
    assert answer.status_code == code, answer.content


def test_passwords_are_sealed_masked_and_kept_when_the_mask_comes_back(api: Api, base: str) -> None:
    group = make_group(api, base, {"report_password": PASSWORD, "max_connections": 555})
    assert PASSWORD not in str(ConfigurationGroup.objects.values().get())
    assert shown(api, base, group)["values"] == {"report_password": groups.MASK, "max_connections": 555}
    body = {"configuration": {"values": {"report_password": groups.MASK, "max_connections": 60}}}
    assert api().put(f"{base}/configurations/{group.pk}", body, format="json").status_code == 202
    group.refresh_from_db()
    assert groups.secret_values(group)["report_password"].reveal() == PASSWORD
    assert group.values == {"max_connections": 60}


def test_patch_merges_and_put_replaces(api: Api, base: str, group: ConfigurationGroup) -> None:
    url = f"{base}/configurations/{group.pk}"
    answer = api().patch(url, {"configuration": {"values": {"PERFORMANCE_SCHEMA": True}}}, format="json")
    assert (answer.status_code, answer.content) == (200, b"")
    assert shown(api, base, group)["values"] == {"max_connections": 555, "performance_schema": True}
    body = {"configuration": {"values": {"max_connections": 60}, "name": "new"}}
    assert api().put(url, body, format="json").status_code == 202
    assert shown(api, base, group)["values"] == {"max_connections": 60}
    assert shown(api, base, group)["name"] == "new"
    assert not Operation.objects.exists()


def test_attach_applies_and_detach_takes_away(
    api: Api, base: str, group: ConfigurationGroup, instance: Instance
) -> None:
    answer = attach(api, base, instance, group)
    assert answer.status_code == 202, answer.content
    operation = only_operation()
    assert answer["X-Operation-Id"] == str(operation.pk)
    seen = api().get(f"{base}/instances/{instance.pk}").json()["instance"]
    assert seen["configuration"]["id"] == str(group.pk)
    assert (seen["status"], seen["operating_status"]) == ("ACTIVE", "")
    assert shown(api, base, group)["pending_instances"] == [{"id": str(instance.pk), "name": "db1"}]
    assert shown(api, base, group)["instance_count"] == 1
    listed = api().get(f"{base}/configurations/{group.pk}/instances").json()["instances"]
    assert listed == [{"id": str(instance.pk), "name": "db1"}]
    instance.refresh_from_db()
    assert configuration_command(instance).overrides == {"max_connections": 555}
    end(operation, ok=True, restart_required=False)
    assert api().get(f"{base}/instances/{instance.pk}").json()["instance"]["operating_status"] == "HEALTHY"
    assert api().delete(f"{base}/configurations/{group.pk}").status_code == 400
    operation.delete()

    assert attach(api, base, instance, None).status_code == 202
    instance.refresh_from_db()
    assert instance.configuration_id is None
    assert not configuration_command(instance).overrides
    end(only_operation(), ok=True)
    assert api().delete(f"{base}/configurations/{group.pk}").status_code == 202
    assert api().get(f"{base}/configurations/{group.pk}").status_code == 404


def test_an_empty_object_detaches(api: Api, base: str, group: ConfigurationGroup, instance: Instance) -> None:
    Instance.objects.filter(pk=instance.pk).update(configuration=group)
    assert api().put(f"{base}/instances/{instance.pk}", {"instance": {}}, format="json").status_code == 202
    instance.refresh_from_db()
    assert instance.configuration_id is None


def test_static_values_show_that_a_restart_is_required(
    api: Api, base: str, group: ConfigurationGroup, instance: Instance
) -> None:
    attach(api, base, instance, group)
    end(only_operation(), ok=True, restart_required=True)
    seen = api().get(f"{base}/instances/{instance.pk}").json()["instance"]
    assert seen["operating_status"] == "RESTART_REQUIRED"
    assert Guest.objects.get(pk=instance.pk).datastore_status == DatastoreStatus.RESTART_REQUIRED


def test_a_refused_attach_is_undone_and_told(
    api: Api, base: str, group: ConfigurationGroup, instance: Instance
) -> None:
    attach(api, base, instance, group)
    end(only_operation(), ok=False)
    seen = api().get(f"{base}/instances/{instance.pk}").json()["instance"]
    assert "configuration" not in seen
    assert seen["operating_status"] == "HEALTHY"
    assert "max_connections" in seen["fault"]["message"]
    assert shown(api, base, group)["instance_count"] == 0


def test_a_detach_that_fails_leaves_the_group_attached(
    api: Api, base: str, group: ConfigurationGroup, instance: Instance
) -> None:
    Instance.objects.filter(pk=instance.pk).update(configuration=group)
    attach(api, base, instance, None)
    end(only_operation(), ok=False)
    instance.refresh_from_db()
    assert instance.configuration_id == group.pk


def test_a_change_starts_one_operation_for_each_instance_and_says_which_failed(
    api: Api,
    base: str,
    group: ConfigurationGroup,
    make_instance: Callable[..., Instance],
    projects: Projects,
) -> None:
    project = projects["alpha"].pk
    users = [make_instance(project_id=project, name=f"db{i}", configuration=group) for i in range(3)]
    make_instance(InstanceState.ERROR, project_id=project, configuration=group)
    make_instance(project_id=project, name="other")
    body = {"configuration": {"values": {"max_connections": 666}}}
    assert api().patch(f"{base}/configurations/{group.pk}", body, format="json").status_code == 200
    started = {operation.resource_id: operation for operation in Operation.objects.all()}
    assert started.keys() == {str(user.pk) for user in users}
    assert len({operation.lane for operation in started.values()}) == 3
    assert len(shown(api, base, group)["pending_instances"]) == 3
    bad = users[1]
    for user in users:
        end(started[str(user.pk)], ok=user != bad)
    seen = shown(api, base, group)
    assert not seen["pending_instances"]
    (failed,) = seen["failed_instances"]
    assert (failed["id"], failed["code"]) == (str(bad.pk), "configuration_refused")
    assert failed["operation_id"] == str(started[str(bad.pk)].pk)
    bad.refresh_from_db()
    assert bad.configuration_id == group.pk


def test_a_busy_instance_gets_the_change_afterwards(
    api: Api, base: str, group: ConfigurationGroup, instance: Instance
) -> None:
    Instance.objects.filter(pk=instance.pk).update(configuration=group)
    restart = api().post(f"{base}/instances/{instance.pk}/action", {"restart": {}}, format="json")
    assert restart.status_code == 202
    body = {"configuration": {"values": {"max_connections": 666}}}
    assert api().patch(f"{base}/configurations/{group.pk}", body, format="json").status_code == 200
    first, second = Operation.objects.order_by("position")
    assert (first.kind, second.kind) == ("instances.restart_instance", "instances.apply_configuration")


def test_what_may_not_be_attached(
    api: Api, base: str, group: ConfigurationGroup, instance: Instance, building: Instance
) -> None:
    other = DatastoreVersion.objects.create(
        datastore=group.datastore_version.datastore, name="10.6", version="10.6", engine="mariadb"
    )
    alien = ConfigurationGroup.objects.create(
        project_id=group.project_id, name="alien", datastore_version=other
    )
    assert attach(api, base, instance, alien).status_code == 400
    assert attach(api, base, building, group).status_code == 422
    unknown = {"instance": {"configuration": str(uuid.uuid4())}}
    assert api().put(f"{base}/instances/{instance.pk}", unknown, format="json").status_code == 404
    wrong = {"instance": {"configuration": "x"}}
    assert api().put(f"{base}/instances/{instance.pk}", wrong, format="json").status_code == 400
    assert attach(api, base, instance, group).status_code == 202
    assert attach(api, base, instance, group).status_code == 400


def test_groups_of_others_are_not_there(
    api: Api, base: str, group: ConfigurationGroup, projects: Projects
) -> None:
    theirs = f"/v1.0/{projects['beta'].pk}/configurations"
    client = api("admin", "beta")
    assert not client.get(theirs).json()["configurations"]
    body = {"configuration": {"values": {"max_connections": 60}}}
    for verb, given in (("get", None), ("put", body), ("patch", body), ("delete", None)):
        assert getattr(client, verb)(f"{theirs}/{group.pk}", given, format="json").status_code == 404
    assert client.get(f"{theirs}/{group.pk}/instances").status_code == 404
    assert client.get(f"{base}/configurations").status_code == 403
    assert api("reader").delete(f"{base}/configurations/{group.pk}").status_code == 403


def test_create_with_a_group_prepares_with_its_values(
    api: Api, base: str, group: ConfigurationGroup, flavor: Any
) -> None:
    body = {
        "name": "db", "flavorRef": "1", "volume": {"size": 1}, "datastore": {"type": "MariaDB"},
        "configuration": f"http://x/v1.0/p/configurations/{group.pk}",
    }  # fmt: skip
    answer = api().post(f"{base}/instances", {"instance": body}, format="json")
    assert answer.status_code == 200, answer.content
    seen = answer.json()["instance"]
    assert seen["configuration"]["name"] == "cfg"
    made = Instance.objects.get(pk=seen["id"])
    assert configuration_command(made).overrides == {"max_connections": 555}


def test_a_deleted_instance_lets_go_of_its_group(
    api: Api, base: str, group: ConfigurationGroup, instance: Instance
) -> None:
    Instance.objects.filter(pk=instance.pk).update(configuration=group)
    assert api().delete(f"{base}/instances/{instance.pk}").status_code == 202
    assert shown(api, base, group)["instance_count"] == 0
    assert api().delete(f"{base}/configurations/{group.pk}").status_code == 202


def test_defaults_are_the_parameters_and_the_sizing(api: Api, base: str, instance: Instance) -> None:
    answer = api().get(f"{base}/instances/{instance.pk}/configuration")
    assert answer.status_code == 200
    values = answer.json()["instance"]["configuration"]
    assert values["performance_schema"] is False
    assert values["max_connections"] == 100  # by the flavor, not the server's 151
    assert values["innodb_buffer_pool_size"] > 0


def test_the_applied_values_are_those_of_the_end(
    api: Api, base: str, group: ConfigurationGroup, instance: Instance
) -> None:
    """A second change that overtakes the first is what both apply; the mark goes with the last."""
    Instance.objects.filter(pk=instance.pk).update(configuration=group)
    for value in (60, 70):
        body = {"configuration": {"values": {"max_connections": value}}}
        api().patch(f"{base}/configurations/{group.pk}", body, format="json")
    instance.refresh_from_db()
    assert configuration_command(instance).overrides == {"max_connections": 70}
    first, second = Operation.objects.order_by("position")
    end(first, ok=True)
    assert shown(api, base, group)["pending_instances"]
    end(second, ok=True)
    assert not shown(api, base, group)["pending_instances"]
    assert timezone.now() >= group.updated_at
