"""What the workflows of instances share: their context, and asking the guest as a step."""

import uuid
from collections.abc import Mapping
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from dbaas.common.errors import NotFound
from dbaas.taskmanager import leases
from dbaas.taskmanager.models import Direction, Operation
from dbaas.taskmanager.workflow import Context, Done, Fail, Outcome, Wait, Workflow
from guestagent.protocol.commands import Command, kind_of
from instances import history, state
from instances.guest import GuestClient
from instances.models import CommandState, GuestCommand, Instance, InstanceState
from instances.providers import registry
from instances.providers.base import Provider

#: A command without an outcome is sent again: should the broker have lost it, the guest's journal keeps it
#: from being done twice.
RESEND_SECONDS = 15.0
#: What must be done at last is no good any more after this time.
LATER_SECONDS = 86_400.0
#: For so long its outcome is waited for.
PATIENCE_SECONDS = 60.0


@lru_cache(maxsize=1)
def provider() -> Provider:
    """The configured provider, one for each process."""
    return registry.load(
        settings.PROVIDER,
        {
            "path": Path(settings.LOCAL_PATH),
            "network": settings.LOCAL_NETWORK,
            "runtime": settings.LOCAL_RUNTIME,
            "uid_base": settings.LOCAL_UID_BASE,
            "database_uid": settings.DATABASE_SERVICE_UID,
            "database_gid": settings.DATABASE_SERVICE_GID,
            "volumes": settings.LOCAL_VOLUMES,
        },
    )


class InstanceContext(Context):
    """The context of an operation on one instance."""

    def __init__(self, operation: Operation, secrets: Mapping[str, Any]) -> None:
        super().__init__(operation, secrets)
        found = Instance.objects.select_related("guest", "datastore_version__datastore", "flavor")
        instance = found.filter(pk=operation.resource_id).first()
        if instance is None:
            raise NotFound("The instance of this operation is gone.")
        self.instance = instance
        self.guest = GuestClient(instance)
        self.provider = provider()

    def update_instance(self, **changes: Any) -> None:
        """Raises LeaseLost when another worker has the operation now."""
        with transaction.atomic(), history.noted(self.instance):
            leases.require_owned(self.operation)
            Instance.objects.filter(pk=self.instance.pk).update(**changes, updated_at=timezone.now())
        for name, value in changes.items():
            setattr(self.instance, name, value)


def instance_of(operation: Operation) -> Instance:
    """The operation's instance by its id alone: for conditional updates, which need nothing more."""
    return Instance(pk=uuid.UUID(operation.resource_id))


class InstanceWorkflow(Workflow[InstanceContext]):
    def context(self, operation: Operation, secrets: Mapping[str, Any]) -> InstanceContext:
        return InstanceContext(operation, secrets)


class ExclusiveWorkflow(InstanceWorkflow):
    """One that has the instance in a state of its own meanwhile, and lets go of it however it ends."""

    during: ClassVar[InstanceState]
    afterwards: ClassVar[InstanceState] = InstanceState.ACTIVE

    def succeeded(self, operation: Operation) -> None:
        state.move(
            instance_of(operation),
            self.afterwards,
            sources={self.during},
            fault_code="",
            fault_message="",
            fault_at=None,
        )

    def failed(self, operation: Operation, code: str, message: str) -> None:
        state.move(
            instance_of(operation),
            state.FALLBACK[self.during],
            sources={self.during},
            fault_code=code,
            fault_message=message,
            fault_at=timezone.now(),
        )


def is_going_away(ctx: InstanceContext) -> bool:
    """True when what is being undone is about to be deleted, or is gone: then putting it right is a waste."""
    current = Instance.objects.filter(pk=ctx.instance.pk).values_list("state", flat=True).first()
    return current in {None, InstanceState.DELETING, InstanceState.DELETED}


def send_command(ctx: InstanceContext, command: Command, *, give_up_in: float) -> GuestCommand:
    """Send the one command of this kind of this operation, unless it has just been sent or has ended.

    An operation that is being undone may send one more of the kind.
    """
    kind = kind_of(command)
    command_id = command_id_of(ctx.operation, kind, Direction(ctx.operation.direction))
    row, _ = GuestCommand.objects.get_or_create(
        pk=command_id,
        defaults={"instance": ctx.instance, "operation_id": ctx.operation.pk, "kind": kind},
    )
    if row.state != CommandState.SENT:
        return row
    now = timezone.now()
    if row.sent_at is None or row.sent_at < now - timedelta(seconds=RESEND_SECONDS):
        expires_in = give_up_in - (now - row.created_at).total_seconds()
        if expires_in > 0:
            ctx.guest.send(
                command, command_id=command_id, expires_in=expires_in, operation_id=ctx.operation.pk
            )
            GuestCommand.objects.filter(pk=command_id).update(sent_at=now)
    return row


def command_id_of(operation: Operation, kind: str, direction: Direction) -> uuid.UUID:
    """The same each time, so that a guest that gets a command twice knows it."""
    return uuid.uuid5(operation.pk, kind if direction is Direction.FORWARD else f"{kind} {direction}")


def run_command(ctx: InstanceContext, command: Command, *, give_up_in: float) -> Outcome:
    """The step that has the guest do something: send, wait for the report, and end as the guest says."""
    row = send_command(ctx, command, give_up_in=give_up_in)
    if row.state == CommandState.SUCCEEDED:
        return Done()
    if row.state in {CommandState.FAILED, CommandState.REFUSED}:
        return Fail(row.error_code or "guest_failed", row.error_message or "The guest could not do it.")
    return Wait(
        wake_in=RESEND_SECONDS,
        give_up_in=give_up_in,
        reason="guest_silent",
        message=f"The guest did not answer within {give_up_in:.0f} seconds.",
    )


def was_asked(ctx: InstanceContext, kind: str) -> bool:
    """True when the operation, on its way forward, sent a command of this kind."""
    forward = command_id_of(ctx.operation, kind, Direction.FORWARD)
    return GuestCommand.objects.filter(pk=forward).exists()


def send_for_later(ctx: InstanceContext, command: Command) -> Outcome:
    """Have the guest do something that must be done at last, but that the operation does not depend on.

    Waits for the outcome for a while; a guest that is silent finds the command when it comes back.
    """
    row = send_command(ctx, command, give_up_in=LATER_SECONDS)
    now = timezone.now()
    if row.state != CommandState.SENT or now >= row.created_at + timedelta(seconds=PATIENCE_SECONDS):
        return Done()
    return Wait(wake_in=RESEND_SECONDS, give_up_in=2 * PATIENCE_SECONDS, reason="guest_silent")
