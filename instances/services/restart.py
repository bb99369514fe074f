"""Restart an instance's database server."""

from django.conf import settings
from django.db import transaction

from dbaas.accounts.caller import Caller
from dbaas.common.errors import InstanceBusy
from dbaas.taskmanager.models import Operation
from dbaas.taskmanager.services import operation_start
from instances import state
from instances.models import Instance, InstanceState
from instances.services.checks import require_actionable


def instance_restart(*, caller: Caller, instance: Instance) -> Operation:
    """Raises Unprocessable when it is not ready, InstanceBusy when an operation is at work on it."""
    require_actionable(instance)
    with transaction.atomic():
        operation = operation_start(
            kind="instances.restart_instance",
            project_id=instance.project_id,
            resource_id=str(instance.pk),
            lane=instance.lane,
            exclusive=True,
            deadline_seconds=2 * settings.AGENT_CALL_HIGH_TIMEOUT,
            actor=caller.user_id,
        )
        if not state.move(instance, InstanceState.RESTARTING, sources={InstanceState.ACTIVE}):
            raise InstanceBusy(f"Instance {instance.pk} changed meanwhile; try again.")
    return operation
