"""Replace the server of an instance; its volume, its addresses and its name stay."""

from dbaas.taskmanager.workflow import Done, Outcome, register
from instances.models import Guest, InstanceState
from instances.workflows.base import ExclusiveWorkflow, InstanceContext
from instances.workflows.create_instance import (
    create_guest_account,
    create_server,
    prepare_datastore,
    wait_for_server,
)
from instances.workflows.teardown import delete_server


def change_guest_key(ctx: InstanceContext) -> Outcome:
    """From here on the old agent, which is gone, is believed nothing any more."""
    Guest.objects.filter(pk=ctx.instance.pk).update(public_key=ctx.params["public_key"])
    return Done()


@register
class RebuildInstance(ExclusiveWorkflow):
    """There is no way back once the old server is gone, and none is needed: it can be asked for again."""

    kind = "instances.rebuild_instance"
    during = InstanceState.REBUILDING
    steps = (
        delete_server,
        change_guest_key,
        create_guest_account,
        create_server,
        wait_for_server,
        prepare_datastore,
    )
    retry_seconds = 300.0
