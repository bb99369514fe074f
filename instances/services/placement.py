"""Where an instance may be, and on what: region, zone, networks, flavor and volume type."""

from collections.abc import Iterable
from ipaddress import ip_network

from django.conf import settings

from datastores.models import DatastoreVersion, Flavor
from datastores.selectors import allowed_flavor, allowed_volume_type
from dbaas.common.errors import BadRequest, NotImplementedHere


def check_place(*, region: str | None, availability_zone: str | None) -> None:
    """Raises NotImplementedHere for another region, BadRequest for a zone that is not there."""
    if region and region != settings.REGION_NAME:
        raise NotImplementedHere(f"This service looks after region {settings.REGION_NAME} only.")
    zones = settings.AVAILABILITY_ZONES
    if availability_zone and zones and availability_zone not in zones:
        raise BadRequest(
            f"There is no availability zone {availability_zone!r}; there are: {', '.join(zones)}."
        )


def refuse_reserved(networks: Iterable[str]) -> None:
    """Addresses and networks of a user must not be those that guests reach us by. Raises BadRequest."""
    reserved = [ip_network(network) for network in settings.RESERVED_NETWORK_CIDRS]
    for given in networks:
        wanted = ip_network(given, strict=False)
        if any(wanted.version == network.version and wanted.overlaps(network) for network in reserved):
            raise BadRequest(f"{given} conflicts with a network that is reserved for management.")


def check_size(*, version: DatastoreVersion, flavor: Flavor, volume_type: str | None) -> None:
    """Raises BadRequest for what the version may not be used with."""
    if not allowed_flavor(version, flavor):
        raise BadRequest(f"Flavor {flavor.pk} may not be used with datastore version {version.name!r}.")
    if not allowed_volume_type(version, volume_type):
        what = f"Volume type {volume_type!r} may not be used" if volume_type else "A volume type is needed"
        raise BadRequest(f"{what} with datastore version {version.name!r}.")
