"""Write paths of operations: start, wake, cancel."""

import json
import uuid
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from dbaas.common.context import current_request_id
from dbaas.common.errors import InstanceBusy
from dbaas.events.services import event_record
from dbaas.taskmanager import outbox
from dbaas.taskmanager.models import UNFINISHED, Operation, OperationLane, State
from guestagent.protocol.crypto import KeyRing
from guestagent.protocol.queues import TASKMANAGER_QUEUE
from guestagent.protocol.secret import Secret

RUN_OPERATION = "taskmanager.run_operation"


def operation_start(
    *,
    kind: str,
    project_id: str,
    lane: str,
    deadline_seconds: float,
    resource_id: str = "",
    exclusive: bool = False,
    supersede: bool = False,
    wait_turn: bool = False,
    params: Mapping[str, Any] | None = None,
    secrets: Mapping[str, Any] | None = None,
    actor: str = "",
) -> Operation:
    """Write an operation and the message that gets it run, in the caller's transaction.

    Operations of a lane run in the order of this call. While an exclusive one is unfinished, others are
    refused with `InstanceBusy`; `supersede` cancels whatever is unfinished instead and runs after it, and
    `wait_turn` runs after it as well.
    `secrets` (JSON values; Secret allowed) are stored sealed and wiped when the operation ends.
    """
    with transaction.atomic():
        position = _join_lane(lane)
        if supersede:
            _cancel_unfinished(lane)
        elif not wait_turn:
            _refuse_if_busy(lane)
        operation_id = uuid.uuid4()
        operation = Operation.objects.create(
            id=operation_id,
            kind=kind,
            project_id=project_id,
            resource_id=resource_id,
            lane=lane,
            position=position,
            exclusive_key=lane if exclusive else None,
            deadline_at=timezone.now() + timedelta(seconds=deadline_seconds),
            params=dict(params or {}),
            sealed_params=seal_params(operation_id, secrets) if secrets else "",
            request_id=current_request_id() or "",
            actor=actor,
        )
        note_operation(operation, "requested", after=operation.params)
        dispatch(operation_id)
    return operation


def note_operation(operation: Operation, what: str, *, after: Mapping[str, Any]) -> None:
    """An event of what became of an operation: ``instances.restart_instance.succeeded``."""
    event_record(
        project_id=operation.project_id,
        type=f"{operation.kind}.{what}",
        resource_type=operation.kind.partition(".")[0].removesuffix("s"),
        resource_id=operation.resource_id or operation.pk,
        operation_id=operation.pk,
        after=after,
        actor=operation.actor,
    )


def dispatch(operation_id: uuid.UUID) -> None:
    """Tell the workers, through the outbox."""
    outbox.enqueue(task=RUN_OPERATION, args=[str(operation_id)], queue=TASKMANAGER_QUEUE)


def wake(operation_id: uuid.UUID | str) -> None:
    """Something the operation may wait for has happened. Harmless at any time, any number of times."""
    with transaction.atomic():
        unfinished = Operation.objects.filter(pk=operation_id, state__in=UNFINISHED)
        if unfinished.update(signal=F("signal") + 1):
            waiting = Operation.objects.filter(pk=operation_id, state=State.WAITING)
            if waiting.update(wake_at=timezone.now()):
                dispatch(uuid.UUID(str(operation_id)))


def cancel(operation_id: uuid.UUID | str) -> bool:
    """Ask for the operation to be undone; False when it has already ended."""
    with transaction.atomic():
        asked = Operation.objects.filter(
            pk=operation_id, state__in=UNFINISHED, cancel_requested_at=None
        ).update(cancel_requested_at=timezone.now())
        wake(operation_id)
    return bool(asked)


def cancel_lane(lane: str) -> int:
    """Ask for every unfinished operation of the lane to be undone, and let others join it meanwhile."""
    with transaction.atomic():
        _join_lane(lane)
        return _cancel_unfinished(lane)


def seal_params(operation_id: uuid.UUID, secrets: Mapping[str, Any]) -> str:
    plaintext = json.dumps(secrets, default=_reveal).encode()
    return _keyring().seal(plaintext, context=f"operation:{operation_id}")


def open_params(operation: Operation) -> dict[str, Any]:
    """The operation's secrets in clear: for the worker's memory only."""
    if not operation.sealed_params:
        return {}
    opened: dict[str, Any] = json.loads(
        _keyring().open(operation.sealed_params, context=f"operation:{operation.pk}")
    )
    return opened


def _keyring() -> KeyRing:
    return KeyRing(settings.TASKMANAGER_RPC_ENCR_KEY)


def _reveal(value: object) -> str:
    if isinstance(value, Secret):
        return value.reveal()
    raise TypeError(f"cannot seal {type(value).__name__}")


def _join_lane(lane: str) -> int:
    """Next position. The UPDATE holds the lane's row until the transaction ends: that is the lock."""
    if not OperationLane.objects.filter(pk=lane).update(last_position=F("last_position") + 1):
        OperationLane.objects.get_or_create(pk=lane)
        OperationLane.objects.filter(pk=lane).update(last_position=F("last_position") + 1)
    return OperationLane.objects.values_list("last_position", flat=True).get(pk=lane)


def _refuse_if_busy(lane: str) -> None:
    busy = Operation.objects.filter(exclusive_key=lane).values_list("kind", "id").first()
    if busy:
        raise InstanceBusy(
            f"Operation {busy[0]} ({busy[1]}) is still running on it; try again when it is done."
        )


def _cancel_unfinished(lane: str) -> int:
    ids = list(Operation.objects.filter(lane=lane, state__in=UNFINISHED).values_list("id", flat=True))
    Operation.objects.filter(id__in=ids, cancel_requested_at=None).update(cancel_requested_at=timezone.now())
    Operation.objects.filter(id__in=ids).update(exclusive_key=None)
    for operation_id in ids:
        wake(operation_id)
    return len(ids)


def reseal_params() -> int:
    """Seal the secrets of unfinished operations again under the first key; returns how many were not."""
    ring = _keyring()
    resealed = 0
    for row in Operation.objects.exclude(sealed_params="").values("pk", "sealed_params").iterator():
        sealed, context = row["sealed_params"], f"operation:{row['pk']}"
        if not ring.is_current(sealed):
            fresh = ring.seal(ring.open(sealed, context=context), context=context)
            unchanged = Operation.objects.filter(pk=row["pk"], sealed_params=sealed)
            resealed += unchanged.update(sealed_params=fresh)
    return resealed
