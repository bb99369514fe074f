"""Stop an instance and keep its data, and start it again."""

from django.conf import settings

from dbaas.accounts.caller import Caller
from dbaas.taskmanager.models import Operation
from instances.models import Instance, InstanceState
from instances.services.change import start_exclusive
from instances.services.checks import require_state


def instance_stop(*, caller: Caller, instance: Instance) -> Operation:
    """End agent and database; the quota stays with it, so that it can always be started.

    Raises Unprocessable when it is not ACTIVE, InstanceBusy when an operation is at work on it.
    """
    require_state(instance, InstanceState.ACTIVE)
    return start_exclusive(
        caller,
        instance,
        "stop_instance",
        during=InstanceState.STOPPING,
        deadline_seconds=settings.USAGE_TIMEOUT,
    )


def instance_start(*, caller: Caller, instance: Instance) -> Operation:
    """Raises Unprocessable when it is not stopped."""
    require_state(instance, InstanceState.STOPPED)
    return start_exclusive(
        caller,
        instance,
        "start_instance",
        during=InstanceState.STARTING,
        source=InstanceState.STOPPED,
        deadline_seconds=settings.USAGE_TIMEOUT,
    )
