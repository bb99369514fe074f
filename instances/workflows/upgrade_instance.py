"""Take an instance to another version of its datastore, and back if that does not work."""

from django.conf import settings
from django.utils import timezone

from dbaas.taskmanager.models import Operation
from dbaas.taskmanager.workflow import Done, Outcome, register
from guestagent.protocol.commands import RevertUpgrade, SettleUpgrade, UpgradeDatastore
from instances import history
from instances.models import Instance, InstanceState
from instances.workflows.base import (
    ExclusiveWorkflow,
    InstanceContext,
    instance_of,
    is_going_away,
    run_command,
    send_for_later,
    was_asked,
)


def upgrade_datastore(ctx: InstanceContext) -> Outcome:
    """The guest ends with the new version proved, or with the old one as it was."""
    return run_command(
        ctx, UpgradeDatastore(version=ctx.params["version"]), give_up_in=settings.USAGE_TIMEOUT
    )


def settle_upgrade(ctx: InstanceContext) -> Outcome:
    """Have the old data removed. From here there is no going back: users write to the new ones."""
    return send_for_later(ctx, SettleUpgrade())


def revert_upgrade(ctx: InstanceContext) -> Outcome:
    """For one that was not heard of in time, or cancelled. After one that failed it changes nothing."""
    if was_asked(ctx, "upgrade_datastore") and not is_going_away(ctx):
        return send_for_later(ctx, RevertUpgrade())
    return Done()


@register
class UpgradeInstance(ExclusiveWorkflow):
    kind = "instances.upgrade_instance"
    during = InstanceState.UPGRADING
    steps = (upgrade_datastore, settle_upgrade)
    on_failure = (revert_upgrade,)

    def succeeded(self, operation: Operation) -> None:
        with history.noted(instance_of(operation)):
            Instance.objects.filter(pk=operation.resource_id).update(
                datastore_version_id=operation.params["datastore_version"], updated_at=timezone.now()
            )
        super().succeeded(operation)
