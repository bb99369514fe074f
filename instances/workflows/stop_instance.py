"""Stop an instance and keep its data, and start it again."""

from dbaas.common.errors import NotFound
from dbaas.taskmanager.workflow import Done, Outcome, Wait, register
from instances.models import InstanceState
from instances.providers.base import ServerState
from instances.workflows.base import ExclusiveWorkflow, InstanceContext, is_going_away
from instances.workflows.create_instance import wait_for_server
from instances.workflows.restart_instance import start_datastore

#: A database that has much to write down takes its time.
STOP_SECONDS = 300.0


def stop_server(ctx: InstanceContext) -> Outcome:
    ctx.provider.stop_server(ctx.instance.resource_name)
    return Done()


def wait_for_stop(ctx: InstanceContext) -> Outcome:
    server = ctx.provider.get_server(ctx.instance.resource_name)
    if server is None:
        raise NotFound("The server of the instance is gone.")
    if server.state is ServerState.STOPPED:
        return Done()
    return Wait(wake_in=0.5, give_up_in=STOP_SECONDS, reason="server_not_stopped")


def start_server(ctx: InstanceContext) -> Outcome:
    ctx.provider.start_server(ctx.instance.resource_name)
    return Done()


def start_server_again(ctx: InstanceContext) -> Outcome:
    return Done() if is_going_away(ctx) else start_server(ctx)


def stop_server_again(ctx: InstanceContext) -> Outcome:
    return Done() if is_going_away(ctx) else stop_server(ctx)


@register
class StopInstance(ExclusiveWorkflow):
    """The provider shuts the server down, which ends its database cleanly."""

    kind = "instances.stop_instance"
    during = InstanceState.STOPPING
    afterwards = InstanceState.STOPPED
    steps = (stop_server, wait_for_stop)
    on_failure = (start_server_again,)


@register
class StartInstance(ExclusiveWorkflow):
    kind = "instances.start_instance"
    during = InstanceState.STARTING
    steps = (start_server, wait_for_server, start_datastore)
    on_failure = (stop_server_again,)
