"""Restart the database server of an instance, or the whole of it."""

from django.conf import settings

from dbaas.taskmanager.workflow import Done, Outcome, register
from guestagent.protocol.commands import RestartDatastore, StartDatastore
from instances.models import InstanceState
from instances.workflows.base import ExclusiveWorkflow, InstanceContext, run_command
from instances.workflows.create_instance import wait_for_server


def restart_datastore(ctx: InstanceContext) -> Outcome:
    return run_command(ctx, RestartDatastore(), give_up_in=settings.AGENT_CALL_HIGH_TIMEOUT)


def reboot_server(ctx: InstanceContext) -> Outcome:
    ctx.provider.reboot_server(ctx.instance.resource_name)
    return Done()


def start_datastore(ctx: InstanceContext) -> Outcome:
    """The guest starts it by itself; asking makes sure that it is wanted, and that it answers."""
    return run_command(ctx, StartDatastore(), give_up_in=settings.USAGE_TIMEOUT)


@register
class RestartInstance(ExclusiveWorkflow):
    """A restart that fails leaves nothing to undo: the heartbeats say what the server is."""

    kind = "instances.restart_instance"
    during = InstanceState.RESTARTING
    steps = (restart_datastore,)


@register
class RebootInstance(ExclusiveWorkflow):
    """Likewise."""

    kind = "instances.reboot_instance"
    during = InstanceState.RESTARTING
    steps = (reboot_server, wait_for_server, start_datastore)
