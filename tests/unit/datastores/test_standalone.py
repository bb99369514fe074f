import json
from pathlib import Path

import pytest

from datastores import services, standalone
from datastores.models import Datastore, DatastoreVersion, Flavor, VolumeType
from dbaas.common.errors import BadRequest
from tests.unit.datastores.graphs import make_version

pytestmark = pytest.mark.django_db


def default_of(name: str) -> str:
    version = Datastore.objects.get(name=name).default_version
    assert version is not None
    return version.name


def write_parameters(folder: Path, engine: str, series: str, *items: object) -> None:
    file = folder / engine / "parameters" / f"{series}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"configuration-parameters": items}))


def test_host_is_registered_with_the_newest_as_default(tmp_path: Path) -> None:
    write_parameters(tmp_path, "mariadb", "10.11", {"name": "max_connections", "type": "integer"})
    versions = {"mariadb": ["11.8", "10.11"], "mysql": ["8.4"]}
    host = standalone.host_register(versions=versions, parameters_of=tmp_path)
    assert [(str(entry.version), entry.created) for entry in host.versions] == [
        ("mariadb 11.8", True),
        ("mariadb 10.11", True),
        ("mysql 8.4", True),
    ]
    assert [entry.parameters and entry.parameters.created for entry in host.versions] == [None, 1, None]
    assert (default_of("mariadb"), default_of("mysql")) == ("11.8", "8.4")
    assert Flavor.objects.get(pk="1").name == "db.tiny"
    assert VolumeType.objects.get().name == "local"


def test_registering_again_keeps_what_an_operator_changed(tmp_path: Path) -> None:
    versions = {"mariadb": ["11.8", "10.11"]}
    standalone.host_register(versions=versions, parameters_of=tmp_path)
    old = DatastoreVersion.objects.get(name="10.11")
    services.datastore_default_version_set(version=old)
    services.datastore_versions_set_active(ids=[DatastoreVersion.objects.get(name="11.8").pk], active=False)
    Flavor.objects.exclude(pk="1").delete()
    again = standalone.host_register(versions=versions, parameters_of=tmp_path)
    assert not any(entry.created for entry in again.versions)
    assert default_of("mariadb") == "10.11"
    assert not DatastoreVersion.objects.get(name="11.8").active
    assert Flavor.objects.count() == 1


def test_version_that_left_the_host_is_told_and_default_no_longer(tmp_path: Path) -> None:
    standalone.host_register(versions={"mariadb": ["10.11"], "mysql": ["8.4"]}, parameters_of=tmp_path)
    make_version(datastore="mariadb", name="11.4", image_tags=["mariadb"])  # of an image, not of the host
    host = standalone.host_register(versions={"mariadb": ["12.3", "11.8"]}, parameters_of=tmp_path)
    assert [str(version) for version in host.gone] == ["mariadb 10.11", "mysql 8.4"]
    assert default_of("mariadb") == "12.3"


def test_bad_file_of_parameters_registers_nothing(tmp_path: Path) -> None:
    write_parameters(tmp_path, "mysql", "8.4", {"type": "integer"})
    with pytest.raises(BadRequest, match=r"8\.4\.json"):
        standalone.host_register(versions={"mariadb": ["10.11"], "mysql": ["8.4"]}, parameters_of=tmp_path)
    assert not Datastore.objects.exists()
