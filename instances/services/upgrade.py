"""Take an instance to another version of its datastore."""

from django.conf import settings

from datastores.models import DatastoreVersion
from datastores.selectors import resolve_version
from dbaas.accounts.caller import Caller
from dbaas.common.errors import BadRequest
from dbaas.taskmanager.models import Operation
from instances.models import Instance, InstanceState
from instances.services.change import start_exclusive
from instances.services.checks import require_actionable


def instance_upgrade(*, caller: Caller, instance: Instance, datastore_version: str) -> Operation:
    """`datastore_version` is a name or an id. The instance's row changes once the new version proved good.

    Raises Unprocessable when it is not ready, NotFound for an unknown version, BadRequest for one that is
    not an upgrade, InstanceBusy.
    """
    require_actionable(instance)
    current = instance.datastore_version
    wanted = resolve_version(
        datastore=str(current.datastore_id), version=datastore_version, version_number=None
    )
    _check(current, wanted)
    return start_exclusive(
        caller,
        instance,
        "upgrade_instance",
        during=InstanceState.UPGRADING,
        deadline_seconds=settings.USAGE_TIMEOUT,
        params={"datastore_version": str(wanted.pk), "version": wanted.version},
    )


def _check(current: DatastoreVersion, wanted: DatastoreVersion) -> None:
    if wanted.pk == current.pk:
        raise BadRequest(f"The instance has version {current.name} already.")
    if wanted.engine != current.engine:
        raise BadRequest(f"Version {wanted.name} is of another engine ({wanted.engine}).")
    try:
        is_newer = _numbers(wanted.version) >= _numbers(current.version)
    except ValueError:
        raise BadRequest(f"Version {wanted.name} has no number that could be compared.") from None
    if not is_newer:
        raise BadRequest(f"Version {wanted.version} is older than {current.version}.")


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
