"""What guests tell us, taken in. Registered with the conductor, which has verified whose report it is."""

import uuid
from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from dbaas.common.logs import get_logger
from dbaas.conductor import handlers
from dbaas.conductor import keys as guest_keys
from dbaas.conductor.handlers import Sender
from dbaas.taskmanager import services as operations
from dbaas.taskmanager.models import UNFINISHED, Operation
from guestagent.protocol.crypto import CryptoError
from guestagent.protocol.reports import CommandFinished, CommandProgressed, Heartbeat
from guestagent.protocol.types import DatastoreStatus
from instances import keys
from instances.models import CommandState, Guest, GuestCommand

log = get_logger(__name__)

MAX_MESSAGE_CHARS = 2000


def register() -> None:
    """Called once, when Django is ready."""
    guest_keys.register_source(keys_of)
    handlers.register(CommandFinished, take_command_finished)
    handlers.register(CommandProgressed, take_command_progressed)
    handlers.register_heartbeats(take_heartbeats)


def keys_of(instance_id: str) -> guest_keys.GuestKeys | None:
    """The keys that open and verify what this guest sends; None for a guest we don't (any more) know."""
    try:
        known = Guest.objects.filter(pk=uuid.UUID(instance_id), instance__deleted_at=None)
    except ValueError:
        return None
    row = known.values("wrapped_key", "public_key").first()
    if row is None or not row["wrapped_key"]:
        return None
    try:
        instance_key = keys.unwrap(instance_id, row["wrapped_key"])
    except CryptoError:
        log.exception("guest_key_unreadable", instance_id=instance_id)
        return None
    return guest_keys.GuestKeys(instance_key.reveal(), row["public_key"])


def take_command_finished(sender: Sender, report: CommandFinished) -> None:
    """Note the outcome, once, and wake the operation that waits for it."""
    with transaction.atomic():
        command = _open_command(sender, report.command_id)
        finished = command.update(
            state=CommandState(report.outcome.value),
            result=report.result,
            error_code=(report.error_code or "")[:64],
            error_message=(report.error_message or "")[:MAX_MESSAGE_CHARS],
            finished_at=timezone.now(),
        )
        if finished:
            done = GuestCommand.objects.values_list("operation_id", flat=True).get(pk=report.command_id)
            operations.wake(done)


def take_command_progressed(sender: Sender, report: CommandProgressed) -> None:
    operation_id = _open_command(sender, report.command_id).values_list("operation_id", flat=True).first()
    if operation_id is not None:
        percent = int(max(0.0, min(99.0, report.percent)))
        unfinished = Operation.objects.filter(pk=operation_id, state__in=UNFINISHED)
        unfinished.filter(progress__lt=percent).update(progress=percent)


def _open_command(sender: Sender, command_id: str) -> QuerySet[GuestCommand]:
    """The command, if it was sent to this very guest and has no outcome yet; else nothing."""
    try:
        key = uuid.UUID(command_id)
    except ValueError:
        return GuestCommand.objects.none()
    return GuestCommand.objects.filter(pk=key, instance_id=sender.instance_id, state=CommandState.SENT)


def take_heartbeats(beats: Sequence[tuple[Sender, Heartbeat]]) -> None:
    """Write a batch (at most one beat per guest): one read, one write, whatever its size."""
    now = timezone.now()
    newest = {sender.instance_id: (sender, beat) for sender, beat in beats}
    with transaction.atomic():
        guests = list(
            Guest.objects.select_for_update().filter(pk__in=list(newest)).exclude(wrapped_key="")
        )
        fresh = [guest for guest in guests if newest[str(guest.pk)][0].sequence > guest.report_sequence]
        for guest in fresh:
            _apply(guest, *newest[str(guest.pk)], now)
        Guest.objects.bulk_update(fresh, _HEARTBEAT_FIELDS, batch_size=200)


_HEARTBEAT_FIELDS = (
    "report_sequence",
    "datastore_status",
    "status_at",
    "last_seen_at",
    "agent_version",
    "engine_version",
    "volume_used_bytes",
    "volume_total_bytes",
)


def _apply(guest: Guest, sender: Sender, beat: Heartbeat, now: datetime) -> None:
    status = beat.datastore_status.value
    if guest.datastore_status != status:
        guest.datastore_status = status
        guest.status_at = now
        log.info("datastore_status", instance_id=str(guest.pk), status=DatastoreStatus(status).value)
    guest.report_sequence = sender.sequence
    # When it came, not when the guest says it sent it: clocks of guests may be wrong, and the queue of
    # heartbeats keeps nothing for longer than a few seconds.
    guest.last_seen_at = now
    guest.agent_version = beat.agent_version[:32]
    guest.engine_version = (beat.engine_version or guest.engine_version)[:64]
    guest.volume_used_bytes = beat.volume_used_bytes
    guest.volume_total_bytes = beat.volume_total_bytes
