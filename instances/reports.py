"""What guests tell us, taken in. Registered with the conductor, which has verified whose report it is."""

import contextlib
import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import connection, transaction
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
from instances import history, keys
from instances.models import CommandState, Guest, GuestCommand

log = get_logger(__name__)

MAX_MESSAGE_CHARS = 2000


def register() -> None:
    """Called once, when Django is ready."""
    guest_keys.register_source(keys_of, many=keys_of_many)
    handlers.register(CommandFinished, take_command_finished)
    handlers.register(CommandProgressed, take_command_progressed)
    handlers.register_heartbeats(take_heartbeats)


def keys_of(instance_id: str) -> guest_keys.GuestKeys | None:
    """The keys that open and verify what this guest sends; None for a guest we don't (any more) know."""
    return keys_of_many([instance_id]).get(instance_id)


def keys_of_many(instance_ids: Collection[str]) -> dict[str, guest_keys.GuestKeys]:
    """The same for many guests, with one query; those we don't know are left out."""
    ids = _uuids(instance_ids)
    known = Guest.objects.filter(pk__in=ids, instance__deleted_at=None).exclude(wrapped_key="")
    found = {}
    for row in known.values("pk", "wrapped_key", "public_key"):
        instance_id = str(row["pk"])
        try:
            instance_key = keys.unwrap(instance_id, row["wrapped_key"])
        except CryptoError:
            log.exception("guest_key_unreadable", instance_id=instance_id)
        else:
            found[instance_id] = guest_keys.GuestKeys(instance_key.reveal(), row["public_key"])
    return found


def _uuids(texts: Iterable[str]) -> list[uuid.UUID]:
    """Those that are one: a header is read before anything proves who wrote it."""
    found = []
    for text in texts:
        with contextlib.suppress(ValueError):
            found.append(uuid.UUID(text))
    return found


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
        # Sorted, so that two conductors that write the same guests wait for each other and never in a circle.
        guests = Guest.objects.filter(pk__in=_uuids(newest), instance__deleted_at=None).order_by("pk")
        known = list(guests.values("pk", *_KEPT))
        _write([_changed(guest, *newest[str(guest["pk"])], now) for guest in known])
        _note_news(known, newest)


#: Values that a beat may leave as they were.
_KEPT = ("datastore_status", "status_at", "engine_version")


def _changed(guest: Mapping[str, Any], sender: Sender, beat: Heartbeat, now: datetime) -> dict[str, Any]:
    """The row that the beat makes of the guest's; `_write` leaves it out if a newer one came before it."""
    status = beat.datastore_status.value
    is_news = guest["datastore_status"] != status
    if is_news:
        log.info("datastore_status", instance_id=sender.instance_id, status=status)
    return {
        "instance": guest["pk"],
        "report_sequence": sender.sequence,
        "datastore_status": status,
        "status_at": now if is_news else guest["status_at"],
        # When it came, not when the guest says it sent it: clocks of guests may be wrong, and the queue of
        # heartbeats keeps nothing for longer than a few seconds.
        "last_seen_at": now,
        "agent_version": beat.agent_version[:32],
        "engine_version": (beat.engine_version or guest["engine_version"])[:64],
        "volume_used_bytes": beat.volume_used_bytes,
        "volume_total_bytes": beat.volume_total_bytes,
    }


def _note_news(known: Sequence[Mapping[str, Any]], newest: Mapping[str, tuple[Sender, Heartbeat]]) -> None:
    """An event for each guest whose status is another now, by this very beat."""
    before = {guest["pk"]: guest["datastore_status"] for guest in known}
    written = Guest.objects.select_related("instance").filter(
        pk__in=[pk for pk, status in before.items() if newest[str(pk)][1].datastore_status.value != status]
    )
    for guest in written.order_by("pk"):
        if guest.report_sequence == newest[str(guest.pk)][0].sequence:
            history.note(
                guest.instance,
                "datastore_status_changed",
                before={"datastore_status": before[guest.pk]},
                after={"datastore_status": guest.datastore_status},
            )


def _write(rows: Sequence[Mapping[str, Any]]) -> None:
    """One prepared UPDATE for all rows; of a guest of which more is known already it changes nothing.

    Django's own bulk_update builds one CASE for each field and row, which takes sixty times as long.
    """
    if not rows:
        return
    fields = {field.name: field for field in Guest._meta.concrete_fields if field.name in rows[0]}
    column = {name: connection.ops.quote_name(str(field.column)) for name, field in fields.items()}
    statement = (
        f"UPDATE {connection.ops.quote_name(Guest._meta.db_table)} "  # noqa: S608 - names of ours, quoted
        f"SET {', '.join(f'{name} = %s' for name in column.values())} "
        f"WHERE {column['instance']} = %s AND {column['report_sequence']} < %s"
    )
    placeholders = [*fields.items(), *((name, fields[name]) for name in ("instance", "report_sequence"))]
    prepared = [
        [field.get_db_prep_save(row[name], connection) for name, field in placeholders] for row in rows
    ]
    with connection.cursor() as cursor:
        cursor.executemany(statement, prepared)
