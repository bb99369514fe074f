"""Reads: find datastores, versions, flavors and volume types by what users call them."""

import uuid

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db.models import Exists, OuterRef, Prefetch, QuerySet

from datastores.models import (
    ConfigurationParameter,
    Datastore,
    DatastoreVersion,
    Flavor,
    VolumeType,
    name_validator,
)
from dbaas.common.errors import BadRequest, NotFound


def _as_uuid(ref: str) -> uuid.UUID | None:
    """The id that `ref` spells, with or without dashes; None when it can only be a name."""
    try:
        found = uuid.UUID(ref)
    except ValueError:
        return None
    return found if ref.lower() in (str(found), found.hex) else None


def _could_be_a_name(ref: str) -> bool:
    """Spares the database what no row can hold, e.g. NUL bytes, which PostgreSQL does not take."""
    try:
        name_validator(ref)
    except ValidationError:
        return False
    return len(ref) <= 255


# datastores


def datastore_list(*, include_inactive: bool) -> QuerySet[Datastore]:
    """Datastores with `versions` fetched: those that can be used, or all (for admins)."""
    versions = DatastoreVersion.objects.order_by("name", "version")
    datastores = Datastore.objects.all()
    if not include_inactive:
        versions = versions.filter(active=True)
        datastores = datastores.filter(
            Exists(DatastoreVersion.objects.filter(datastore=OuterRef("pk"), active=True))
        )
    return datastores.prefetch_related(Prefetch("versions", queryset=versions))


def datastore_get(ref: str, *, queryset: QuerySet[Datastore] | None = None) -> Datastore:
    """By id or name. Raises NotFound."""
    datastores = Datastore.objects.all() if queryset is None else queryset
    found: Datastore | None = None
    if identity := _as_uuid(ref):
        found = datastores.filter(pk=identity).first()
    if found is None and _could_be_a_name(ref):
        found = datastores.filter(name=ref).first()
    if found is None:
        raise NotFound(f"Datastore {ref!r} cannot be found.")
    return found


def datastore_show(ref: str, *, include_inactive: bool) -> Datastore:
    """By id or name, with `versions` fetched: the active ones, or all (for admins)."""
    versions = DatastoreVersion.objects.order_by("name", "version")
    if not include_inactive:
        versions = versions.filter(active=True)
    return datastore_get(
        ref, queryset=Datastore.objects.prefetch_related(Prefetch("versions", queryset=versions))
    )


# versions


def version_list(*, datastore: Datastore, include_inactive: bool) -> QuerySet[DatastoreVersion]:
    versions = datastore.versions.order_by("name", "version")
    return versions if include_inactive else versions.filter(active=True)


def version_get_by_id(ref: str) -> DatastoreVersion:
    """By id. Raises NotFound."""
    identity = _as_uuid(ref)
    found = identity and DatastoreVersion.objects.filter(pk=identity).first()
    if not found:
        raise NotFound(f"Datastore version {ref!r} cannot be found.")
    return found


def version_get(*, datastore: Datastore, ref: str, version_number: str | None = None) -> DatastoreVersion:
    """By id or name; an active version goes before inactive ones of the same name.

    Raises NotFound, and BadRequest when the name fits several versions.
    """
    versions = datastore.versions.all()
    if version_number is not None:
        versions = versions.filter(version=version_number if _could_be_a_name(version_number) else "")
    if (identity := _as_uuid(ref)) and (found := versions.filter(pk=identity).first()):
        return found
    named = list(versions.filter(name=ref)) if _could_be_a_name(ref) else []
    return _only_one(
        named, f"{ref!r}" if version_number is None else f"{ref!r} ({version_number!r})", datastore
    )


def _only_one(found: list[DatastoreVersion], what: str, datastore: Datastore) -> DatastoreVersion:
    if not found:
        raise NotFound(f"Datastore version {what} cannot be found in datastore {datastore.name!r}.")
    candidates = [version for version in found if version.active] or found
    if len(candidates) > 1:
        numbers = ", ".join(sorted(version.version for version in candidates))
        raise BadRequest(
            f"Datastore version {what} fits several versions of {datastore.name!r} "
            f"(version numbers: {numbers}). Name the version by its id, or give the version number too."
        )
    return candidates[0]


def resolve_version(
    *,
    datastore: str | None,
    version: str | None,
    version_number: str | None,
    include_inactive: bool = False,
) -> DatastoreVersion:
    """The version that a request means; ids and names may be given, and both may be left out.

    Without a datastore the default one is meant (setting DEFAULT_DATASTORE), unless the version is given by
    id; without a version the datastore's default. Raises NotFound for what does not exist and BadRequest for
    what is missing, ambiguous or inactive.
    """
    if datastore is None and version is not None and _as_uuid(version):
        found = version_get_by_id(version)
        if version_number not in (None, found.version):
            raise NotFound(f"Datastore version {version!r} has the version number {found.version!r}.")
    else:
        found = _resolve_in(_resolve_datastore(datastore), version, version_number)
    if not (found.active or include_inactive):
        raise BadRequest(f"Datastore version {found.name!r} is not active.")
    return found


def _resolve_datastore(datastore: str | None) -> Datastore:
    ref = datastore or settings.DEFAULT_DATASTORE
    if not ref:
        raise BadRequest("Please specify a datastore: there is no default datastore.")
    return datastore_get(ref)


def _resolve_in(datastore: Datastore, version: str | None, version_number: str | None) -> DatastoreVersion:
    if version:
        return version_get(datastore=datastore, ref=version, version_number=version_number)
    if version_number:
        numbered = datastore.versions.filter(
            version=version_number if _could_be_a_name(version_number) else ""
        )
        return _only_one(list(numbered), f"number {version_number!r}", datastore)
    if datastore.default_version_id is None:
        raise BadRequest(
            f"Please specify a datastore version: datastore {datastore.name!r} has no default version."
        )
    return DatastoreVersion.objects.get(pk=datastore.default_version_id)


# parameters


def parameter_list(*, version: DatastoreVersion) -> QuerySet[ConfigurationParameter]:
    return version.parameters.order_by("name")


def parameter_get(*, version: DatastoreVersion, name: str) -> ConfigurationParameter:
    """By name, in any case. Raises NotFound."""
    found = version.parameters.filter(name__iexact=name).first() if "\0" not in name else None
    if found is None:
        raise NotFound(
            f"Configuration parameter {name!r} cannot be found for datastore version {version.name!r}."
        )
    return found


# flavors and volume types


def flavor_list() -> QuerySet[Flavor]:
    return Flavor.objects.all()


def resolve_flavor(ref: str) -> Flavor:
    """By id, also as the last part of a URL. Raises NotFound."""
    identity = ref.rstrip("/").rpartition("/")[2]
    found = Flavor.objects.filter(pk=identity).first() if _could_be_a_name(identity) else None
    if found is None:
        raise NotFound(f"Flavor {ref!r} cannot be found.")
    return found


def flavors_of(version: DatastoreVersion) -> QuerySet[Flavor]:
    """Flavors that the version may be used with."""
    if version.flavor_associations.exists():
        return Flavor.objects.filter(associations__datastore_version=version)
    return Flavor.objects.all()


def allowed_flavor(version: DatastoreVersion, flavor: Flavor) -> bool:
    return flavors_of(version).filter(pk=flavor.pk).exists()


def volume_type_list() -> QuerySet[VolumeType]:
    return VolumeType.objects.all()


def volume_type_get(ref: str) -> VolumeType:
    """By id or name. Raises NotFound."""
    found: VolumeType | None = None
    if _could_be_a_name(ref):
        found = VolumeType.objects.filter(pk=ref).first() or VolumeType.objects.filter(name=ref).first()
    if found is None:
        raise NotFound(f"Volume type {ref!r} cannot be found.")
    return found


def volume_types_of(version: DatastoreVersion) -> QuerySet[VolumeType]:
    """Volume types that the version may be used with."""
    if version.volume_type_associations.exists():
        return VolumeType.objects.filter(associations__datastore_version=version)
    return VolumeType.objects.all()


def allowed_volume_type(version: DatastoreVersion, name: str | None) -> bool:
    """Whether a volume of this type (None: the default one) may be used; a name must exist in any case."""
    if name is None:
        return not version.volume_type_associations.exists()
    return volume_types_of(version).filter(name=name).exists()
