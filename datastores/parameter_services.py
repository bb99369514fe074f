"""Operators' changes of single configuration parameters. Each is one transaction."""

from typing import Any

from django.db import IntegrityError, transaction

from datastores.models import ConfigurationParameter, DatastoreVersion
from datastores.services import checked
from dbaas.common.errors import BadRequest, NotFound


def parameter_create(*, version: DatastoreVersion, name: str, **attributes: Any) -> ConfigurationParameter:
    """Raises BadRequest for values that don't fit, and for a name that exists, whatever its case."""
    made = ConfigurationParameter(datastore_version=version, name=name, **attributes)
    checked(made, label=name)
    exists = BadRequest(f"Configuration parameter {name!r} exists already.")
    try:
        with transaction.atomic():
            if version.parameters.filter(name__iexact=name).exists():
                raise exists
            made.save(force_insert=True)
    except IntegrityError as error:
        raise exists from error
    return made


@transaction.atomic
def parameter_update(*, parameter: ConfigurationParameter, **attributes: Any) -> ConfigurationParameter:
    """Values of groups stay as they are, also when they do not fit any more. Raises BadRequest, NotFound."""
    for field, value in attributes.items():
        setattr(parameter, field, value)
    checked(parameter, label=parameter.name)
    if not ConfigurationParameter.objects.filter(pk=parameter.pk).update(**attributes):
        raise NotFound(f"Configuration parameter {parameter.name!r} cannot be found.")
    return parameter


def parameter_delete(*, version: DatastoreVersion, name: str) -> None:
    """Raises BadRequest when there is none."""
    found = version.parameters.filter(name__iexact=name) if "\0" not in name else version.parameters.none()
    if not found.delete()[0]:
        raise BadRequest(f"Configuration parameter {name[:128]!r} cannot be found.")
