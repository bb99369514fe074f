"""What the workflows of instances share: their context, and asking the guest as a step."""

import uuid
from collections.abc import Mapping
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils import timezone

from dbaas.common.errors import NotFound
from dbaas.taskmanager.models import Operation
from dbaas.taskmanager.workflow import Context, Done, Fail, Outcome, Wait, Workflow
from guestagent.protocol.commands import Command, kind_of
from instances.guest import GuestClient
from instances.models import CommandState, GuestCommand, Instance
from instances.providers import registry
from instances.providers.base import Provider

#: A command without an outcome is sent again: should the broker have lost it, the guest's journal keeps it
#: from being done twice.
RESEND_SECONDS = 15.0


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
        Instance.objects.filter(pk=self.instance.pk).update(**changes, updated_at=timezone.now())
        for name, value in changes.items():
            setattr(self.instance, name, value)


def instance_of(operation: Operation) -> Instance:
    """The operation's instance by its id alone: for conditional updates, which need nothing more."""
    return Instance(pk=uuid.UUID(operation.resource_id))


class InstanceWorkflow(Workflow[InstanceContext]):
    def context(self, operation: Operation, secrets: Mapping[str, Any]) -> InstanceContext:
        return InstanceContext(operation, secrets)


def send_command(ctx: InstanceContext, command: Command, *, give_up_in: float) -> GuestCommand:
    """Send the one command of this kind of this operation, unless it has just been sent or has ended."""
    kind = kind_of(command)
    command_id = uuid.uuid5(ctx.operation.pk, kind)
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
