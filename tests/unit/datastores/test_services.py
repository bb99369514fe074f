from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from datastores import services
from datastores.definitions import ParameterDefinition
from datastores.models import Datastore, DatastoreVersion, Flavor
from dbaas.common.errors import BadRequest, NotFound
from tests.unit.datastores.graphs import make_flavor, make_parameter, make_version

pytestmark = pytest.mark.django_db


def test_version_ensure_creates_the_datastore_and_makes_the_first_version_its_default() -> None:
    first, created = services.datastore_version_ensure(datastore="mariadb", name="10.11", engine="mariadb")
    second, _ = services.datastore_version_ensure(datastore="mariadb", name="11.4", engine="mariadb")
    assert created
    assert first.version == "10.11"
    owner = Datastore.objects.get()
    assert owner.default_version == first
    services.datastore_version_ensure(datastore="mariadb", name="11.4", engine="mariadb", default=True)
    owner.refresh_from_db()
    assert owner.default_version == second


def test_version_ensure_again_changes_only_what_is_given() -> None:
    key: dict[str, Any] = {"datastore": "mariadb", "name": "10.11", "engine": "mariadb"}
    version, _ = services.datastore_version_ensure(**key, image_tags=["a", "b"], active=False)
    again, created = services.datastore_version_ensure(**key, registry_ext="x")
    assert (again.pk, created) == (version.pk, False)
    again.refresh_from_db()
    assert (again.image_tags, again.active, again.registry_ext) == (["a", "b"], False, "x")
    assert Datastore.objects.get().default_version is None  # an inactive one is nobody's default


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"name": "a/b"}, "name"),
        ({"datastore": ""}, "name"),
        ({"datastore": "n" * 256}, "name"),
        ({"engine": ""}, "engine"),
        ({"image_tags": ["x", "x"]}, "image_tags"),
        ({"packages": [1]}, "packages"),
        ({"packages": ["a\0b"]}, "packages"),
        ({"engine": "oracle"}, "oracle"),
    ],
)
def test_version_ensure_refuses_bad_values_by_field(wrong: dict[str, Any], said: str) -> None:
    given = {"datastore": "mariadb", "name": "10.11", "engine": "mariadb"} | wrong
    with pytest.raises(BadRequest, match=said):
        services.datastore_version_ensure(**given)
    assert not Datastore.objects.exists()


def test_default_version_must_be_active() -> None:
    version = make_version(active=False)
    with pytest.raises(BadRequest, match="not active"):
        services.datastore_default_version_set(version=version)
    assert services.datastore_versions_set_active(ids=[version.pk], active=True) == 1
    assert services.datastore_versions_set_active(ids=[version.pk], active=True) == 0
    services.datastore_default_version_set(version=version)
    assert Datastore.objects.get().default_version == version


def test_datastore_delete_refuses_while_versions_exist() -> None:
    version = make_version()
    owner = version.datastore
    with pytest.raises(BadRequest, match="has versions"):
        services.datastore_delete(datastore=owner)
    version.delete()
    services.datastore_delete(datastore=owner)
    with pytest.raises(NotFound):
        services.datastore_delete(datastore=owner)


def test_deleted_default_version_leaves_the_datastore_without_one() -> None:
    version = make_version()
    services.datastore_default_version_set(version=version)
    DatastoreVersion.objects.get(pk=version.pk).delete()
    assert Datastore.objects.get().default_version is None


def test_parameters_load_creates_changes_and_leaves_the_others() -> None:
    version = make_version()
    make_parameter(version, "kept", min_size="1")
    make_parameter(version, "Changed", max_size="9")
    definitions = [
        ParameterDefinition(name="changed", data_type="integer", max_size="18446744073709551615"),
        ParameterDefinition(name="fresh", data_type="string", enum_values=("a", "b"), restart_required=True),
    ]
    assert services.configuration_parameters_load(version=version, definitions=definitions) == (
        services.Loaded(created=1, updated=1, unchanged=0)
    )
    assert services.configuration_parameters_load(version=version, definitions=definitions) == (
        services.Loaded(created=0, updated=0, unchanged=2)
    )
    rows = {parameter.name: parameter for parameter in version.parameters.all()}
    assert sorted(rows) == ["Changed", "fresh", "kept"]
    assert rows["Changed"].maximum == 2**64 - 1
    assert rows["fresh"].enum_values == ["a", "b"]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"data_type": "complex"}, "data_type"),
        ({"min_size": "many"}, "min_size"),
        ({"max_size": "Infinity"}, "max_size"),
        ({"min_size": "2", "max_size": "1"}, "max_size"),
        ({"default_value": "x" * 2000}, "default_value"),
    ],
)
def test_parameters_load_is_all_or_nothing_and_names_the_wrong_one(wrong: dict[str, Any], said: str) -> None:
    version = make_version()
    definitions = [
        ParameterDefinition(name="good", data_type="integer"),
        ParameterDefinition(**({"name": "bad", "data_type": "integer"} | wrong)),
    ]
    with pytest.raises(BadRequest, match=f"bad: .*{said}"):
        services.configuration_parameters_load(version=version, definitions=definitions)
    assert not version.parameters.exists()


def test_parameters_load_asks_the_database_little() -> None:
    version = make_version()
    many = [ParameterDefinition(name=f"p{n}", data_type="integer", max_size=str(n)) for n in range(700)]
    with CaptureQueriesContext(connection) as queries:
        services.configuration_parameters_load(version=version, definitions=many)
    assert len(queries) < 20


def test_seed_leaves_an_operators_own_list_alone() -> None:
    seeds = [Flavor(id="1", name="db.tiny", ram_mb=512, vcpus=1)]
    assert services.flavors_seed(flavors=seeds) == 1
    assert services.flavors_seed(flavors=seeds) == 0
    Flavor.objects.all().delete()
    make_flavor("9", "mine")
    assert services.flavors_seed(flavors=seeds) == 0
    assert [flavor.name for flavor in Flavor.objects.all()] == ["mine"]
