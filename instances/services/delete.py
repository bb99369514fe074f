"""Delete an instance, and the reset that lets a stubborn one be deleted."""

from django.db import transaction
from django.utils import timezone

from dbaas.accounts.caller import Caller
from dbaas.common.errors import Forbidden, InstanceBusy, NotFound, Unprocessable
from dbaas.taskmanager import services as operations
from dbaas.taskmanager.models import UNFINISHED, Operation
from guestagent.protocol.types import DatastoreStatus
from instances import state
from instances.models import Guest, Instance, InstanceState

DELETE_SECONDS = 1800.0


def instance_delete(*, caller: Caller, instance: Instance) -> Operation:
    """Start the removal; whatever is still running on the instance is cancelled first.

    Asking again while it is being deleted gives the operation that is at work. Raises Unprocessable for an
    instance that is being built (reset it first), Forbidden for a protected one or one with replicas.
    """
    if instance.is_deletion_protected:
        raise Forbidden(f"Instance {instance.pk} is protected from deletion; lift the protection first.")
    if instance.replicas.filter(deleted_at=None).exists():
        raise Forbidden("Detach replicas before deleting replica source.")
    if instance.state == InstanceState.BUILDING:
        raise Unprocessable(
            f"Instance {instance.pk} is still being built; reset its status to delete it now."
        )
    with transaction.atomic():
        running = _delete_under_way(instance)
        if running is not None:
            return running
        operation = operations.operation_start(
            kind="instances.delete_instance",
            project_id=instance.project_id,
            resource_id=str(instance.pk),
            lane=instance.lane,
            exclusive=True,
            supersede=True,
            deadline_seconds=DELETE_SECONDS,
            actor=caller.user_id,
        )
        if not state.move(
            instance,
            InstanceState.DELETING,
            configuration=None,
            fault_code="",
            fault_message="",
            fault_at=None,
        ):
            _raise_for_changed(instance)
    return operation


def instance_reset_status(*, caller: Caller, instance: Instance) -> None:
    """Let go of an instance: cancel what runs on it, so that it can be used or deleted.

    One that was being built becomes ERROR (what it was made of is removed), one that was being started is
    stopped, others ACTIVE with an unknown database status until the guest's next heartbeat. One that is
    stopped or being deleted is left alone.
    """
    with transaction.atomic():
        if instance.state in {InstanceState.STOPPED, InstanceState.DELETING, InstanceState.DELETED}:
            return
        operations.cancel_lane(instance.lane)
        if instance.state == InstanceState.BUILDING:
            state.move(
                instance,
                InstanceState.ERROR,
                sources={InstanceState.BUILDING},
                fault_code="reset",
                fault_message="Its status was reset while it was being built.",
                fault_at=timezone.now(),
            )
        else:
            for source in state.TRANSITIONAL - {InstanceState.BUILDING, InstanceState.DELETING}:
                if state.move(instance, state.FALLBACK[source], sources={source}):
                    break
            Guest.objects.filter(pk=instance.pk).update(
                datastore_status=DatastoreStatus.UNKNOWN.value, status_at=timezone.now()
            )


def _delete_under_way(instance: Instance) -> Operation | None:
    return Operation.objects.filter(
        lane=instance.lane, kind="instances.delete_instance", state__in=UNFINISHED
    ).first()


def _raise_for_changed(instance: Instance) -> None:
    """Somebody else was quicker; say what became of it."""
    current = Instance.objects.filter(pk=instance.pk, deleted_at=None).first()
    if current is None:
        raise NotFound(f"Instance {instance.pk} cannot be found.")
    raise InstanceBusy(f"Instance {instance.pk} changed meanwhile (now {current.state}); try again.")
