"""Where an instance may be, and on what, as the create request says."""

from typing import Any

import pytest
from pytest_django import Settings

from datastores.models import DatastoreVersion, Flavor, FlavorAssociation, VolumeType, VolumeTypeAssociation
from instances.models import Instance
from tests.unit.instances.api.conftest import Api

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("version", "flavor", "sent")]
NETWORK = "5a1a557c-2adc-43aa-ad94-f4b643d7dba8"


def create(api: Api, base: str, **changes: Any) -> Any:
    body = {
        "name": "db1",
        "flavorRef": "1",
        "volume": {"size": 1},
        "datastore": {"type": "MariaDB"},
    } | changes
    return api().post(f"{base}/instances", {"instance": body}, format="json")


def refused(answer: Any, status: int = 400) -> str:
    assert answer.status_code == status, answer.content
    assert not Instance.objects.exists()
    (fault,) = answer.json().values()
    return str(fault["message"])


def test_zone_must_be_one_of_those_there_are(api: Api, base: str, settings: Settings) -> None:
    settings.AVAILABILITY_ZONES = ["north", "south"]
    assert "north, south" in refused(create(api, base, availability_zone="west"))
    shown = create(api, base, availability_zone="south").json()["instance"]
    assert shown["availability_zone"] == "south"


def test_any_zone_where_the_provider_decides(api: Api, base: str) -> None:
    assert create(api, base, availability_zone="anywhere").status_code == 200


def test_our_region_by_name_and_no_other(api: Api, base: str, settings: Settings) -> None:
    assert settings.REGION_NAME in refused(create(api, base, region_name="elsewhere"), 501)
    assert create(api, base, region_name=settings.REGION_NAME).status_code == 200


@pytest.mark.parametrize("address", ["10.1.2.3", "192.168.0.1"])
def test_addresses_of_management_are_refused(api: Api, base: str, settings: Settings, address: str) -> None:
    settings.RESERVED_NETWORK_CIDRS = ["10.1.0.0/16", "192.168.0.1/32", "fd00::/8"]
    nic = {"network_id": NETWORK, "subnet_id": NETWORK, "ip_address": address}
    assert "reserved for management" in refused(create(api, base, nics=[nic]))
    assert create(api, base, nics=[nic | {"ip_address": "10.2.0.1"}]).status_code == 200


@pytest.mark.parametrize(
    "nics",
    [
        [{"ip_address": "10.0.0.1"}],
        [{"network_id": NETWORK, "ip_address": "10.0.0.1"}],
        [{"network_id": "x"}],
        [{"network_id": NETWORK, "ip_address": "fd00::1", "subnet_id": NETWORK}],
        [{"network_id": NETWORK}, {"network_id": NETWORK}],
        [{"network_id": NETWORK, "colour": "blue"}],
        [{}],
        {},
    ],
    ids=str,
)
def test_malformed_nics_are_400(api: Api, base: str, nics: Any) -> None:
    refused(create(api, base, nics=nics))


@pytest.mark.parametrize(
    ("locality", "status"), [("beside-my-desk", 400), ([], 400), (7, 400), ("affinity", 501)]
)
def test_locality(api: Api, base: str, locality: Any, status: int) -> None:
    refused(create(api, base, locality=locality), status)


def test_flavors_and_volume_types_are_those_of_the_version(
    api: Api, base: str, version: DatastoreVersion
) -> None:
    large = Flavor.objects.create(id="2", name="db.large", ram_mb=2048, vcpus=2)
    fast = VolumeType.objects.create(id="fast", name="fast")
    VolumeType.objects.create(id="slow", name="slow")
    assert "may not be used" in refused(create(api, base, volume={"size": 1, "type": "unheard-of"}))
    FlavorAssociation.objects.create(datastore_version=version, flavor=large)
    assert "Flavor 1 may not be used" in refused(create(api, base))
    VolumeTypeAssociation.objects.create(datastore_version=version, volume_type=fast)
    assert "A volume type is needed" in refused(create(api, base, flavorRef="2"))
    assert "'slow'" in refused(create(api, base, flavorRef="2", volume={"size": 1, "type": "slow"}))
    assert create(api, base, flavorRef="2", volume={"size": 1, "type": "fast"}).status_code == 200
