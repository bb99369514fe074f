import uuid
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from datastores import selectors
from datastores.models import FlavorAssociation, VolumeType, VolumeTypeAssociation
from dbaas.common.errors import BadRequest, NotFound
from tests.unit.datastores.graphs import make_default, make_flavor, make_parameter, make_version

pytestmark = pytest.mark.django_db


def resolve(
    datastore: str | None = None, version: str | None = None, number: str | None = None, **more: Any
) -> Any:
    return selectors.resolve_version(datastore=datastore, version=version, version_number=number, **more)


def test_version_is_found_by_names_and_by_ids() -> None:
    version = make_version()
    owner = version.datastore
    assert resolve("mariadb", "10.11") == version
    assert resolve(str(owner.pk), str(version.pk)) == version
    assert resolve(owner.pk.hex, version.pk.hex.upper()) == version
    assert resolve(None, str(version.pk)) == version


def test_version_defaults_come_from_the_datastore_and_the_setting(settings: Settings) -> None:
    make_version(name="10.6")
    default = make_version(name="10.11")
    make_default(default)
    assert resolve("mariadb") == default
    settings.DEFAULT_DATASTORE = "mariadb"
    assert resolve() == default
    settings.DEFAULT_DATASTORE = str(default.datastore_id)
    assert resolve() == default


def test_version_number_tells_versions_of_one_name_apart() -> None:
    old = make_version(version="10.11.2")
    new = make_version(version="10.11.6")
    with pytest.raises(BadRequest, match=r"fits several versions.*10\.11\.2, 10\.11\.6"):
        resolve("mariadb", "10.11")
    assert resolve("mariadb", "10.11", "10.11.2") == old
    assert resolve("mariadb", None, "10.11.6") == new
    with pytest.raises(NotFound):
        resolve("mariadb", "10.11", "10.11.9")
    with pytest.raises(NotFound):
        resolve(None, str(old.pk), "10.11.6")


def test_version_that_is_active_goes_before_inactive_ones_of_its_name() -> None:
    make_version(version="10.11.2", active=False)
    new = make_version(version="10.11.6")
    assert resolve("mariadb", "10.11") == new


def test_version_that_is_inactive_is_refused_unless_wanted() -> None:
    version = make_version(active=False)
    for ref in ("10.11", str(version.pk)):
        with pytest.raises(BadRequest, match="not active"):
            resolve("mariadb", ref)
    assert resolve("mariadb", "10.11", include_inactive=True) == version


def test_version_of_another_datastore_is_not_found() -> None:
    make_version()
    other = make_version(datastore="postgresql", name="15")
    for ref in ("15", str(other.pk)):
        with pytest.raises(NotFound):
            resolve("mariadb", ref)


@pytest.mark.parametrize(
    ("datastore", "version", "error"),
    [
        (None, None, BadRequest),
        ("mariadb", None, BadRequest),  # it has no default version
        ("oracle", None, NotFound),
        ("mariadb", "1.0", NotFound),
        (str(uuid.UUID(int=1)), None, NotFound),
        (None, str(uuid.UUID(int=1)), NotFound),
        ("maria\0db", "10.11", NotFound),
        ("mariadb", "10\0", NotFound),
        ("\ud800", "10.11", NotFound),
        ("m" * 70_000, "10.11", NotFound),
    ],
)
def test_version_that_is_not_there_is_refused_by_name(
    datastore: str | None, version: str | None, error: type[Exception]
) -> None:
    make_version()
    with pytest.raises(error):
        resolve(datastore, version)


def test_flavor_is_found_by_id_and_by_url() -> None:
    flavor = make_flavor("7")
    assert selectors.resolve_flavor("7") == flavor
    assert selectors.resolve_flavor("http://host/v1.0/p/flavors/7") == flavor
    assert selectors.resolve_flavor("http://host/flavors/7/") == flavor
    for unknown in ("8", "", "/", "7\0", "db.tiny"):
        with pytest.raises(NotFound):
            selectors.resolve_flavor(unknown)


def test_flavors_are_all_allowed_until_one_is_associated() -> None:
    version, small, large = make_version(), make_flavor("1", "small"), make_flavor("2", "large")
    assert selectors.allowed_flavor(version, small)
    assert selectors.allowed_flavor(version, large)
    FlavorAssociation.objects.create(datastore_version=version, flavor=large)
    assert not selectors.allowed_flavor(version, small)
    assert selectors.allowed_flavor(version, large)
    assert list(selectors.flavors_of(version)) == [large]
    assert selectors.allowed_flavor(make_version(name="11.4"), small)


def test_volume_types_are_all_allowed_until_one_is_associated() -> None:
    version = make_version()
    fast = VolumeType.objects.create(id="f", name="fast")
    VolumeType.objects.create(id="s", name="slow")
    assert selectors.allowed_volume_type(version, None)
    assert selectors.allowed_volume_type(version, "slow")
    assert not selectors.allowed_volume_type(version, "never heard of")
    VolumeTypeAssociation.objects.create(datastore_version=version, volume_type=fast)
    assert selectors.allowed_volume_type(version, "fast")
    assert not selectors.allowed_volume_type(version, "slow")
    assert not selectors.allowed_volume_type(version, None)


def test_parameter_is_found_in_any_case() -> None:
    version = make_version()
    parameter = make_parameter(version, "DateStyle")
    assert selectors.parameter_get(version=version, name="datestyle") == parameter
    for unknown in ("date", "DateStyle\0", "Date%"):
        with pytest.raises(NotFound):
            selectors.parameter_get(version=version, name=unknown)
