"""Writes. Each is one transaction and may be repeated: asking for what is already so changes nothing."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import IntegrityError, models, transaction

from datastores.definitions import ParameterDefinition
from datastores.models import ConfigurationParameter, Datastore, DatastoreVersion, Flavor, VolumeType
from dbaas.common.errors import BadRequest, NotFound
from guestagent.engines import registry


@dataclass(frozen=True, slots=True)
class Loaded:
    """What loading parameters did, by count."""

    created: int
    updated: int
    unchanged: int


@transaction.atomic
def datastore_ensure(*, name: str) -> Datastore:
    """The datastore of this name, made if need be. Raises BadRequest for a bad name."""
    checked(Datastore(name=name))
    return Datastore.objects.get_or_create(name=name)[0]


@transaction.atomic
def datastore_version_ensure(
    *,
    datastore: str,
    name: str,
    engine: str,
    version: str | None = None,
    default: bool = False,
    **attributes: Any,
) -> tuple[DatastoreVersion, bool]:
    """The version `name` with number `version` (default: `name`), and whether it was made now.

    Its datastore is made if need be. `attributes` (image_id, image_tags, packages, active, registry_ext,
    repl_strategy) are set on an existing version too; those not given are left as they are. The first
    active version of a datastore becomes its default. Raises BadRequest for values that do not fit.
    """
    checked_engine(engine)
    owner = datastore_ensure(name=datastore)
    values = {"engine": engine, **attributes}
    key: dict[str, Any] = {"datastore": owner, "name": name, "version": version or name}
    checked(DatastoreVersion(**key, **values))
    found, created = DatastoreVersion.objects.update_or_create(**key, defaults=values)
    if default or (created and found.active):
        # Conditional, so that two first versions registered at once do not fight over it.
        undecided = Datastore.objects.filter(pk=owner.pk)
        (undecided if default else undecided.filter(default_version=None)).update(default_version=found)
    return found, created


@transaction.atomic
def datastore_default_version_set(*, version: DatastoreVersion) -> None:
    """Make it the default of its datastore. Raises BadRequest when it is not active."""
    if not DatastoreVersion.objects.filter(pk=version.pk, active=True).exists():
        raise BadRequest(f"Datastore version {version.name!r} is not active.")
    Datastore.objects.filter(pk=version.datastore_id).update(default_version=version)


@transaction.atomic
def datastore_versions_set_active(*, ids: Sequence[UUID], active: bool) -> int:
    """How many changed."""
    return DatastoreVersion.objects.filter(pk__in=ids, active=not active).update(active=active)


def datastore_delete(*, datastore: Datastore) -> None:
    """Raises BadRequest while it has versions, and NotFound when it is gone already."""
    try:
        with transaction.atomic():
            deleted, _ = Datastore.objects.filter(pk=datastore.pk).delete()
    except (models.ProtectedError, IntegrityError) as error:
        # IntegrityError: a version came between the look and the delete.
        raise BadRequest(f"Datastore {datastore.name!r} has versions: delete them first.") from error
    if not deleted:
        raise NotFound(f"Datastore {datastore.name!r} cannot be found.")


@transaction.atomic
def configuration_parameters_load(
    *, version: DatastoreVersion, definitions: Sequence[ParameterDefinition]
) -> Loaded:
    """Create or change parameters to be as defined; others of the version stay. Raises BadRequest."""
    DatastoreVersion.objects.select_for_update().get(pk=version.pk)  # two loads at once take turns
    existing = {parameter.name.lower(): parameter for parameter in version.parameters.all()}
    fresh: list[ConfigurationParameter] = []
    changed: list[ConfigurationParameter] = []
    fields = {field for definition in definitions for field in definition.values()}
    for definition in definitions:
        parameter = existing.get(definition.name.lower())
        if parameter is None:
            parameter = ConfigurationParameter(datastore_version=version, name=definition.name)
            fresh.append(parameter)
        elif any(getattr(parameter, field) != value for field, value in definition.values().items()):
            changed.append(parameter)
        for field, value in definition.values().items():
            setattr(parameter, field, value)
    for parameter in (*fresh, *changed):
        checked(parameter, label=parameter.name)
    ConfigurationParameter.objects.bulk_create(fresh, batch_size=200)
    if changed:
        ConfigurationParameter.objects.bulk_update(changed, sorted(fields), batch_size=100)
    return Loaded(len(fresh), len(changed), len(definitions) - len(fresh) - len(changed))


@transaction.atomic
def flavors_seed(*, flavors: Iterable[Flavor]) -> int:
    """Add these when there is no flavor at all; an operator's own list is left alone. How many were added."""
    return _seed(Flavor.objects.all(), flavors)


@transaction.atomic
def volume_types_seed(*, volume_types: Iterable[VolumeType]) -> int:
    """Likewise for volume types."""
    return _seed(VolumeType.objects.all(), volume_types)


def _seed(queryset: models.QuerySet[Any], rows: Iterable[models.Model]) -> int:
    if queryset.exists():
        return 0
    return len(queryset.bulk_create(rows, ignore_conflicts=True))


def checked_engine(engine: str) -> str:
    """The name of an engine that is there. Raises BadRequest."""
    if engine not in registry.names():
        raise BadRequest(f"engine: there is none named {engine!r}; known are {', '.join(registry.names())}.")
    return engine


def checked(row: models.Model, *, label: str = "") -> None:
    """Raises BadRequest naming each field that does not fit. Leaves keys and uniqueness to the database."""
    keys = {field.name for field in row._meta.concrete_fields if field.is_relation}
    try:
        row.full_clean(exclude=keys, validate_unique=False, validate_constraints=False)
    except ValidationError as error:
        problems: Mapping[str, list[str]] = error.message_dict
        said = "; ".join(f"{field}: {' '.join(texts)}" for field, texts in problems.items())
        raise BadRequest(f"{label}: {said}" if label else said) from error
