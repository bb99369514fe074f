"""Restart an instance's database server, or the whole of it."""

from django.conf import settings

from dbaas.accounts.caller import Caller
from dbaas.taskmanager.models import Operation
from instances.models import Instance, InstanceState
from instances.services.change import start_exclusive
from instances.services.checks import require_actionable, require_state


def instance_restart(*, caller: Caller, instance: Instance) -> Operation:
    """Raises Unprocessable when it is not ready, InstanceBusy when an operation is at work on it."""
    require_actionable(instance)
    return start_exclusive(
        caller,
        instance,
        "restart_instance",
        during=InstanceState.RESTARTING,
        deadline_seconds=2 * settings.AGENT_CALL_HIGH_TIMEOUT,
    )


def instance_reboot(*, caller: Caller, instance: Instance) -> Operation:
    """The server with its agent and its database; also when neither answers any more."""
    require_state(instance, InstanceState.ACTIVE)
    return start_exclusive(
        caller,
        instance,
        "reboot_instance",
        during=InstanceState.RESTARTING,
        deadline_seconds=settings.USAGE_TIMEOUT,
    )
