"""Writes of operators: datastore versions, and what they may be used with. Each is one transaction."""

from collections.abc import Sequence
from typing import Any

from django.db import IntegrityError, models, transaction
from django.utils import timezone

from datastores.models import (
    Datastore,
    DatastoreVersion,
    Flavor,
    FlavorAssociation,
    VolumeType,
    VolumeTypeAssociation,
)
from datastores.services import checked, checked_engine, datastore_ensure
from dbaas.common.errors import BadRequest, NotFound


@transaction.atomic
def datastore_version_create(
    *, datastore: str, name: str, engine: str, version: str | None, is_default: bool, **attributes: Any
) -> DatastoreVersion:
    """A new version; its datastore is made if need be. Raises BadRequest, also for one that exists.

    `attributes` are those of the model. The first active version of a datastore becomes its default.
    """
    owner = datastore_ensure(name=datastore)
    made = DatastoreVersion(
        datastore=owner, name=name, version=version or name, engine=checked_engine(engine), **attributes
    )
    checked(made)
    try:
        with transaction.atomic():
            made.save(force_insert=True)
    except IntegrityError as error:
        raise BadRequest(f"Datastore version {name!r} ({made.version!r}) exists already.") from error
    owners = Datastore.objects.filter(pk=owner.pk)
    if is_default:
        _require_active(made)
        owners.update(default_version=made)
    elif made.active:
        owners.filter(default_version=None).update(default_version=made)
    return made


@transaction.atomic
def datastore_version_update(
    *, version: DatastoreVersion, is_default: bool | None = None, **changes: Any
) -> None:
    """Change what is given. Raises BadRequest for what does not fit, NotFound when it was deleted meanwhile.

    A default that becomes inactive is no default any more; `is_default=False` takes it from a default one.
    """
    for field, value in changes.items():
        setattr(version, field, value)
    checked_engine(version.engine)
    checked(version)
    try:
        with transaction.atomic():
            found = DatastoreVersion.objects.filter(pk=version.pk).update(
                **changes, updated_at=timezone.now()
            )
    except IntegrityError as error:
        raise BadRequest(f"Another version is called {version.name!r} ({version.version!r}).") from error
    if not found:
        raise _missing(version)
    owners = Datastore.objects.filter(pk=version.datastore_id)
    if is_default:
        _require_active(version)
        owners.update(default_version=version)
    elif is_default is False or not version.active:
        owners.filter(default_version=version).update(default_version=None)


def datastore_version_delete(*, version: DatastoreVersion) -> None:
    """Raises BadRequest while anything was made of it, and NotFound when it is gone already."""
    try:
        with transaction.atomic():
            deleted, _ = DatastoreVersion.objects.filter(pk=version.pk).delete()
    except (models.ProtectedError, models.RestrictedError, IntegrityError) as error:
        # IntegrityError: something was made of it between the look and the delete.
        raise BadRequest(
            f"Datastore version {version.name!r} is in use by instances, backups or configuration groups, or "
            "is part of the history of deleted ones. Deactivate it instead."
        ) from error
    if not deleted:
        raise _missing(version)


@transaction.atomic
def flavor_associations_set(*, version: DatastoreVersion, flavors: Sequence[Flavor]) -> None:
    """Exactly these may be used from now on; none: every flavor may."""
    DatastoreVersion.objects.select_for_update().get(pk=version.pk)  # two at once take turns
    version.flavor_associations.exclude(flavor__in=flavors).delete()
    have = set(version.flavor_associations.values_list("flavor_id", flat=True))
    FlavorAssociation.objects.bulk_create(
        FlavorAssociation(datastore_version=version, flavor=flavor)
        for flavor in dict.fromkeys(flavors)
        if flavor.pk not in have
    )


@transaction.atomic
def volume_type_associations_set(*, version: DatastoreVersion, volume_types: Sequence[VolumeType]) -> None:
    """Likewise for volume types."""
    DatastoreVersion.objects.select_for_update().get(pk=version.pk)
    version.volume_type_associations.exclude(volume_type__in=volume_types).delete()
    have = set(version.volume_type_associations.values_list("volume_type_id", flat=True))
    VolumeTypeAssociation.objects.bulk_create(
        VolumeTypeAssociation(datastore_version=version, volume_type=volume_type)
        for volume_type in dict.fromkeys(volume_types)
        if volume_type.pk not in have
    )


def _require_active(version: DatastoreVersion) -> None:
    if not version.active:
        raise BadRequest(f"Datastore version {version.name!r} is not active: it cannot be the default.")


def _missing(version: DatastoreVersion) -> NotFound:
    return NotFound(f"Datastore version {version.pk} cannot be found.")
