"""Give an instance another flavor, or a larger volume."""

from django.conf import settings
from django.db import transaction

from datastores.selectors import resolve_flavor
from dbaas.accounts import quotas
from dbaas.accounts.caller import Caller
from dbaas.common.errors import BadRequest, OverLimit
from dbaas.taskmanager.models import Operation
from instances.models import Instance, InstanceState
from instances.services.change import start_exclusive
from instances.services.checks import require_actionable


def instance_resize_flavor(*, caller: Caller, instance: Instance, flavor_ref: str) -> Operation:
    """The difference in memory is reserved now and taken, or given back, when the operation ends.

    Raises Unprocessable when it is not ready, NotFound for an unknown flavor, BadRequest for the same one,
    OverLimit for the quota, InstanceBusy.
    """
    require_actionable(instance)
    flavor = resolve_flavor(flavor_ref)
    if flavor.pk == instance.flavor_id:
        raise BadRequest(f"Instance {instance.pk} has flavor {flavor.pk} already.")
    with transaction.atomic():
        operation = start_exclusive(
            caller,
            instance,
            "resize_flavor",
            during=InstanceState.RESIZING,
            deadline_seconds=settings.USAGE_TIMEOUT,
            params={"flavor": flavor.pk},
        )
        quotas.reserve(
            project_id=instance.project_id,
            holder=str(operation.pk),
            deltas={"ram": flavor.ram_mb - instance.flavor.ram_mb},
        )
    return operation


def instance_resize_volume(*, caller: Caller, instance: Instance, size_gb: int) -> Operation:
    """Volumes only grow. Raises as above."""
    require_actionable(instance)
    if size_gb <= instance.volume_size_gb:
        raise BadRequest(f"The new size must be larger than the {instance.volume_size_gb} GB there are.")
    if size_gb > settings.MAX_ACCEPTED_VOLUME_SIZE:
        raise OverLimit(f"A volume may have at most {settings.MAX_ACCEPTED_VOLUME_SIZE} GB.")
    with transaction.atomic():
        operation = start_exclusive(
            caller,
            instance,
            "resize_volume",
            during=InstanceState.RESIZING,
            deadline_seconds=settings.USAGE_TIMEOUT,
            params={"size_gb": size_gb},
        )
        quotas.reserve(
            project_id=instance.project_id,
            holder=str(operation.pk),
            deltas={"volumes": size_gb - instance.volume_size_gb},
        )
    return operation
