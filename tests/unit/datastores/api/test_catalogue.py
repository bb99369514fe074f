"""The routes of contract 1.7, with the bodies that clients rely on."""

import uuid
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from datastores.models import Datastore, Flavor, FlavorAssociation, VolumeType, VolumeTypeAssociation
from dbaas.accounts import quotas
from dbaas.accounts.models import Project
from tests.unit.datastores.conftest import Api
from tests.unit.datastores.graphs import make_default, make_flavor, make_parameter, make_version

pytestmark = pytest.mark.django_db


@pytest.fixture
def base(project: Project) -> str:
    return f"/v1.0/{project.id}"


def links(project: Project, path: str) -> list[dict[str, str]]:
    return [
        {"rel": "self", "href": f"http://testserver/v1.0/{project.id}/{path}"},
        {"rel": "bookmark", "href": f"http://testserver/{path}"},
    ]


def fault(response: Any, status: int, name: str) -> str:
    assert response.status_code == status, response.content
    body = response.json()
    assert list(body) == [name]
    assert body[name]["code"] == status
    return str(body[name]["message"])


def test_datastores_as_a_user_sees_them(api: Api, base: str, project: Project) -> None:
    version = make_version()
    make_version(name="10.6", active=False)
    make_default(version)
    Datastore.objects.create(name="empty")
    make_version(datastore="retired", active=False)
    expected = {
        "id": str(version.datastore_id),
        "name": "mariadb",
        "links": links(project, f"datastores/{version.datastore_id}"),
        "default_version": str(version.pk),
        "versions": [
            {
                "id": str(version.pk),
                "name": "10.11",
                "version": "10.11",
                "links": links(project, f"datastores/versions/{version.pk}"),
            }
        ],
    }
    client = api("reader")
    assert client.get(f"{base}/datastores").json() == {"datastores": [expected]}
    for ref in ("mariadb", version.datastore_id, version.datastore_id.hex):
        assert client.get(f"{base}/datastores/{ref}").json() == {"datastore": expected}


def test_datastores_as_an_admin_sees_them(api: Api, base: str) -> None:
    make_version(name="10.6", active=False, image_tags=["a"], packages=["p"], registry_ext="r")
    Datastore.objects.create(name="empty")
    found = api("admin").get(f"{base}/datastores").json()["datastores"]
    assert [datastore["name"] for datastore in found] == ["empty", "mariadb"]
    (version,) = found[1]["versions"]
    assert {key: version[key] for key in ("active", "image", "image_tags", "packages", "registry_ext")} == {
        "active": False,
        "image": "",
        "image_tags": ["a"],
        "packages": ["p"],
        "registry_ext": "r",
    }


def test_default_version_is_left_out_when_it_is_not_among_the_versions(api: Api, base: str) -> None:
    make_version(name="10.11")
    make_default(make_version(name="10.6", active=False))
    assert "default_version" not in api("reader").get(f"{base}/datastores/mariadb").json()["datastore"]


def test_versions_are_listed_and_shown(api: Api, base: str, project: Project) -> None:
    version = make_version()
    inactive = make_version(name="10.6", active=False)
    client = api("reader")
    shown = {
        "id": str(version.pk),
        "name": "10.11",
        "version": "10.11",
        "datastore": str(version.datastore_id),
        "links": links(project, f"datastores/versions/{version.pk}"),
    }
    assert client.get(f"{base}/datastores/mariadb/versions").json() == {"versions": [shown]}
    for path in ("mariadb/versions/10.11", f"mariadb/versions/{version.pk}", f"versions/{version.pk}"):
        assert client.get(f"{base}/datastores/{path}").json() == {"version": shown}
    # Instances may still run on a version that is offered no longer.
    assert client.get(f"{base}/datastores/versions/{inactive.pk}").status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "datastores/oracle",
        f"datastores/{uuid.UUID(int=1)}",
        "datastores/oracle/versions",
        "datastores/mariadb/versions/1.0",
        f"datastores/mariadb/versions/{uuid.UUID(int=1)}",
        f"datastores/versions/{uuid.UUID(int=1)}",
        "datastores/versions/10.11",
        "datastores/mariadb/versions/1.0/flavors",
        "datastores/mariadb/versions/1.0/volume-types",
        "datastores/mariadb/versions/10.11/parameters/nope",
        "flavors/99",
        "flavors/%C3%A4%27%22%3B--",
        "volume-types/nope",
        "datastores/mariadb/nothing",
    ],
)
def test_what_is_not_there_is_404_in_the_apis_shape(api: Api, base: str, path: str) -> None:
    make_version()
    fault(api("reader").get(f"{base}/{path}"), 404, "itemNotFound")


def test_version_name_that_fits_several_is_400(api: Api, base: str) -> None:
    make_version(version="10.11.2")
    make_version(version="10.11.6")
    said = fault(api("reader").get(f"{base}/datastores/mariadb/versions/10.11"), 400, "badRequest")
    assert "10.11.2, 10.11.6" in said


def test_datastore_is_deleted_by_admins_when_it_has_no_versions(api: Api, base: str) -> None:
    version = make_version()
    fault(api("member").delete(f"{base}/datastores/mariadb"), 403, "forbidden")
    admin = api("admin")
    fault(admin.delete(f"{base}/datastores/mariadb"), 400, "badRequest")
    version.delete()
    answer = admin.delete(f"{base}/datastores/mariadb")
    assert (answer.status_code, answer.content) == (202, b"")
    fault(admin.delete(f"{base}/datastores/mariadb"), 404, "itemNotFound")


def test_flavors_have_number_and_string_ids(api: Api, base: str, project: Project) -> None:
    make_flavor("1", "db.tiny", ram_mb=512, vcpus=1, disk_gb=2, ephemeral_gb=3)
    make_flavor("01", "padded", ram_mb=600)
    make_flavor("m1.small", "named", ram_mb=700)
    client = api("reader")
    found = client.get(f"{base}/flavors").json()["flavors"]
    assert [(flavor["id"], flavor["str_id"]) for flavor in found] == [
        (1, "1"),
        (None, "01"),
        (None, "m1.small"),
    ]
    assert client.get(f"{base}/flavors/1").json() == {
        "flavor": {
            "id": 1,
            "str_id": "1",
            "name": "db.tiny",
            "ram": 512,
            "vcpus": 1,
            "disk": 2,
            "ephemeral": 3,
            "links": links(project, "flavors/1"),
        }
    }


def test_flavors_and_volume_types_of_a_version_are_those_associated(api: Api, base: str) -> None:
    version, small = make_version(), make_flavor("1", "small")
    make_flavor("2", "large")
    fast = VolumeType.objects.create(id="f", name="fast", description="NVMe")
    VolumeType.objects.create(id="s", name="slow")
    client = api("reader")

    def names(what: str, key: str) -> list[str]:
        body = client.get(f"{base}/datastores/mariadb/versions/{version.pk}/{what}").json()
        return [item["name"] for item in body[key]]

    assert names("flavors", "flavors") == ["large", "small"] or names("flavors", "flavors") == [
        "small",
        "large",
    ]
    assert names("volume-types", "volume_types") == ["fast", "slow"]
    FlavorAssociation.objects.create(datastore_version=version, flavor=small)
    VolumeTypeAssociation.objects.create(datastore_version=version, volume_type=fast)
    assert names("flavors", "flavors") == ["small"]
    assert names("volume-types", "volume_types") == ["fast"]
    assert client.get(f"{base}/volume-types/fast").json() == {
        "volume_type": {"id": "f", "name": "fast", "is_public": True, "description": "NVMe"}
    }
    assert len(client.get(f"{base}/volume-types").json()["volume_types"]) == 2


def test_parameters_leave_out_what_has_no_bound(api: Api, base: str) -> None:
    version = make_version()
    make_parameter(version, "a", min_size="0", max_size=str(2**64 - 1), restart_required=True)
    make_parameter(version, "b", data_type="float", min_size="0.5")
    make_parameter(
        version, "c", data_type="string", enum_values=["x", "y"], default_value="x", description="Why"
    )
    client = api("reader")
    common = {"datastore_version_id": str(version.pk)}
    expected = [
        {"name": "a", "restart_required": True, "type": "integer", "min": 0, "max": 2**64 - 1} | common,
        {"name": "b", "restart_required": False, "type": "float", "min": 0.5} | common,
        {
            "name": "c",
            "restart_required": False,
            "type": "string",
            "allowed_values": ["x", "y"],
            "default": "x",
            "description": "Why",
        }
        | common,
    ]
    for path in ("mariadb/versions/10.11", f"versions/{version.pk}"):
        at = f"{base}/datastores/{path}/parameters"
        assert client.get(at).json() == {"configuration-parameters": expected}
        assert client.get(f"{at}/a").json() == expected[0]


def test_limits_begin_with_the_quotas(api: Api, base: str, project: Project) -> None:
    quotas.set_limits(project.id, {"instances": 7})
    found = api("reader").get(f"{base}/limits").json()["limits"]
    assert found[0]["verb"] == "ABSOLUTE"
    assert found[0]["max_instances"] == 7
    assert set(found[0]) == {"verb", "max_instances", "max_ram", "max_volumes", "max_backups"}
    for rate in found[1:]:
        assert set(rate) == {"verb", "value", "remaining", "unit", "uri", "regex", "nextAvailable"}
        assert rate["nextAvailable"].endswith("Z")


def test_tokens_of_nobody_or_of_another_project_see_nothing(api: Api, base: str) -> None:
    other = Project.objects.create(name="beta")
    client = api("admin")
    for path in ("datastores", "flavors", "limits", "volume-types", "datastores/versions/x"):
        assert APIClient().get(f"{base}/{path}").status_code == 401
        fault(client.get(f"/v1.0/{other.id}/{path}"), 403, "forbidden")


def test_method_that_is_not_there_is_405(api: Api, base: str) -> None:
    fault(api("admin").post(f"{base}/flavors", {}, format="json"), 405, "badMethod")


@pytest.mark.parametrize(
    "path", ["datastores", "datastores/mariadb", "datastores/mariadb/versions", "flavors"]
)
def test_lists_ask_the_database_the_same_for_one_row_and_for_thirty(api: Api, base: str, path: str) -> None:
    client = api("reader")

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get(f"{base}/{path}").status_code == 200
        return len(captured)

    make_default(make_version())
    make_flavor()
    with_one = queries()
    for number in range(30):
        make_version(name=f"11.{number}")
        make_default(make_version(datastore=f"datastore-{number}"))
    Flavor.objects.bulk_create(
        Flavor(id=f"x{number}", name=f"x{number}", ram_mb=1, vcpus=1) for number in range(30)
    )
    assert queries() == with_one
