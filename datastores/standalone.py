"""The catalogue of one machine without a cloud: the engines it has, and sizes of our own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from django.db import transaction

from datastores import definitions, services
from datastores.models import Datastore, DatastoreVersion, Flavor, VolumeType
from guestagent import engines

ENGINES_PATH: Final = Path(engines.__path__[0])
#: id, name, memory in MB, virtual CPUs; the disk is the volume, which is chosen apart.
SIZES: Final = (
    ("1", "db.tiny", 512, 1),
    ("2", "db.small", 1024, 1),
    ("3", "db.medium", 2048, 2),
    ("4", "db.large", 4096, 2),
    ("5", "db.xlarge", 8192, 4),
    ("6", "db.2xlarge", 16384, 8),
)


@dataclass(frozen=True, slots=True)
class RegisteredVersion:
    version: DatastoreVersion
    created: bool
    parameters: services.Loaded | None  # None: there is no file of parameters for it


@dataclass(frozen=True, slots=True)
class RegisteredHost:
    versions: list[RegisteredVersion]
    gone: list[DatastoreVersion]  # offered, made of host packages, and no longer on the host
    flavors: int
    volume_types: int


@transaction.atomic
def host_register(
    *, versions: Mapping[str, Sequence[str]], parameters_of: Path = ENGINES_PATH
) -> RegisteredHost:
    """Register what the host has (engine to release series, newest first), and seed sizes.

    May be repeated at each start: what an operator changed or deactivated stays so, except that a default
    version that is gone from the host gives way to the newest that is there. Raises BadRequest for a file of
    parameters (`<parameters_of>/<engine>/parameters/<series>.json`) that does not fit.
    """
    registered = [
        _register(engine, series, parameters_of) for engine, found in versions.items() for series in found
    ]
    gone = _gone(versions)
    for entry in registered:  # newest first, and the first one takes the place
        Datastore.objects.filter(
            pk=entry.version.datastore_id, default_version__in=[version.pk for version in gone]
        ).update(default_version=entry.version)
    return RegisteredHost(
        versions=registered,
        gone=gone,
        flavors=services.flavors_seed(
            flavors=[Flavor(id=id_, name=name, ram_mb=ram, vcpus=cpus) for id_, name, ram, cpus in SIZES]
        ),
        volume_types=services.volume_types_seed(
            volume_types=[VolumeType(id="local", name="local", description="A disk of this machine.")]
        ),
    )


def _register(engine: str, series: str, parameters_of: Path) -> RegisteredVersion:
    version, created = services.datastore_version_ensure(datastore=engine, name=series, engine=engine)
    file = parameters_of / engine / "parameters" / f"{series}.json"
    loaded = None
    if file.exists():
        loaded = services.configuration_parameters_load(
            version=version, definitions=definitions.read_file(file)
        )
    return RegisteredVersion(version, created, loaded)


def _gone(versions: Mapping[str, Sequence[str]]) -> list[DatastoreVersion]:
    of_packages = DatastoreVersion.objects.filter(active=True, image_id="")
    return [
        version
        for version in of_packages
        if not version.image_tags and version.name not in versions.get(version.engine, ())
    ]
