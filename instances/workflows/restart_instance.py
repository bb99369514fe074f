"""Restart the database server of an instance."""

from django.conf import settings
from django.utils import timezone

from dbaas.taskmanager.models import Operation
from dbaas.taskmanager.workflow import Outcome, register
from guestagent.protocol.commands import RestartDatastore
from instances import state
from instances.models import InstanceState
from instances.workflows.base import InstanceContext, InstanceWorkflow, instance_of, run_command


def restart_datastore(ctx: InstanceContext) -> Outcome:
    return run_command(ctx, RestartDatastore(), give_up_in=settings.AGENT_CALL_HIGH_TIMEOUT)


@register
class RestartInstance(InstanceWorkflow):
    """A restart that fails leaves nothing to undo: the heartbeats say what the server is."""

    kind = "instances.restart_instance"
    steps = (restart_datastore,)

    def succeeded(self, operation: Operation) -> None:
        state.move(
            instance_of(operation),
            InstanceState.ACTIVE,
            sources={InstanceState.RESTARTING},
            fault_code="",
            fault_message="",
            fault_at=None,
        )

    def failed(self, operation: Operation, code: str, message: str) -> None:
        state.move(
            instance_of(operation),
            InstanceState.ACTIVE,
            sources={InstanceState.RESTARTING},
            fault_code=code,
            fault_message=message,
            fault_at=timezone.now(),
        )
