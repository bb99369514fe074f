"""Make an instance use the values of its configuration group, or its defaults when it has none."""

from typing import Any

from django.conf import settings
from django.utils import timezone

from datastores import groups
from datastores.models import ConfigurationGroup
from dbaas.taskmanager.models import Operation
from dbaas.taskmanager.workflow import Done, Fail, Outcome, register
from guestagent.protocol.commands import ApplyConfiguration
from guestagent.protocol.types import DatastoreStatus
from instances import state
from instances.models import Guest, Instance, InstanceState
from instances.workflows.base import InstanceContext, InstanceWorkflow, instance_of, run_command, send_command


def look_at_guest(ctx: InstanceContext) -> Outcome:
    """One that is known to be silent is not waited for as long as one that is expected to answer."""
    if ctx.instance.state != InstanceState.ACTIVE:
        return Fail("instance_not_active", f"The instance is {ctx.instance.state}; nothing was applied.")
    is_silent = state.datastore_status(ctx.instance) is DatastoreStatus.UNKNOWN
    patience = settings.AGENT_CALL_LOW_TIMEOUT if is_silent else settings.AGENT_CALL_HIGH_TIMEOUT
    return Done({"patience": patience})


def apply_configuration(ctx: InstanceContext) -> Outcome:
    """The values of now, not of when it was asked for: whoever comes last has everybody's."""
    command = configuration_command(ctx.instance)
    patience = float(ctx.recorded["patience"])
    outcome = run_command(ctx, command, give_up_in=patience)
    if isinstance(outcome, Done):
        result = send_command(ctx, command, give_up_in=patience).result or {}
        return Done({"restart_required": bool(result.get("restart_required"))})
    return outcome


def configuration_command(instance: Instance) -> ApplyConfiguration:
    group = instance.configuration
    if group is None:
        return ApplyConfiguration()
    return ApplyConfiguration(
        overrides=groups.plain_values(group), secret_overrides=groups.secret_values(group)
    )


@register
class ApplyConfigurationWorkflow(InstanceWorkflow):
    """The guest itself takes back what its server refuses; here only what is noted of it."""

    kind = "instances.apply_configuration"
    steps = (look_at_guest, apply_configuration)

    def succeeded(self, operation: Operation) -> None:
        instances = Instance.objects.filter(pk=operation.resource_id)
        instances.filter(configuration_operation_id=operation.pk).update(configuration_operation_id=None)
        instances.update(configuration_fault=None, updated_at=timezone.now())
        if operation.context.get("restart_required"):
            # The next heartbeat says so, too; whoever looks now shall not think that all is done.
            healthy = Guest.objects.filter(
                pk=instance_of(operation).pk, datastore_status=DatastoreStatus.HEALTHY.value
            )
            healthy.update(datastore_status=DatastoreStatus.RESTART_REQUIRED.value, status_at=timezone.now())

    def failed(self, operation: Operation, code: str, message: str) -> None:
        instances = Instance.objects.filter(pk=operation.resource_id)
        instances.filter(configuration_operation_id=operation.pk).update(configuration_operation_id=None)
        if "restore" in operation.params:
            _restore(operation)
        now = timezone.now()
        fault = {"code": code, "message": message, "operation_id": str(operation.pk), "time": now.isoformat()}
        instances.exclude(state__in=_GOING).update(
            configuration_fault=fault, fault_code=code, fault_message=message, fault_at=now, updated_at=now
        )


_GOING = (InstanceState.DELETING, InstanceState.DELETED, InstanceState.ERROR)


def _restore(operation: Operation) -> None:
    """The group it used before, unless that is gone, or another one was attached meanwhile."""
    changes: dict[str, Any] = {"configuration": None}
    if (before := operation.params["restore"]) is not None:
        changes["configuration"] = ConfigurationGroup.objects.select_for_update().filter(pk=before).first()
    is_last = not Operation.objects.filter(
        lane=operation.lane, position__gt=operation.position, kind=operation.kind
    ).exists()
    if is_last:
        instances = Instance.objects.filter(pk=operation.resource_id).exclude(state__in=_GOING)
        instances.update(**changes)
