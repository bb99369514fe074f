"""Delete an instance and everything it is made of, also a half-made one."""

from django.utils import timezone

from dbaas.taskmanager.models import Operation
from dbaas.taskmanager.workflow import register
from instances import state
from instances.models import Guest, InstanceState, RootHistory
from instances.workflows.base import InstanceWorkflow, instance_of
from instances.workflows.teardown import TEARDOWN


@register
class DeleteInstance(InstanceWorkflow):
    """Nothing is undone here: what could not be removed leaves the instance in ERROR, to be deleted again."""

    kind = "instances.delete_instance"
    steps = TEARDOWN
    retry_seconds = 300.0

    def succeeded(self, operation: Operation) -> None:
        now = timezone.now()
        state.move(instance_of(operation), InstanceState.DELETED, deleted_at=now, addresses=[])
        Guest.objects.filter(pk=instance_of(operation).pk).update(wrapped_key="", public_key="")
        RootHistory.objects.filter(instance=instance_of(operation), disabled_at=None).update(disabled_at=now)

    def failed(self, operation: Operation, code: str, message: str) -> None:
        state.move(
            instance_of(operation),
            InstanceState.ERROR,
            fault_code=code,
            fault_message=message,
            fault_at=timezone.now(),
        )
