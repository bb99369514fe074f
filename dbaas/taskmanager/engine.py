"""The engine: claims an operation and runs its steps until it ends or has to wait.

Every boundary is written down before the next thing happens, so that a worker that dies anywhere leaves an
operation that another one carries on: a step is run again from its start, never skipped.
"""

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from dbaas.common.context import bound
from dbaas.common.errors import DbaasError
from dbaas.common.logs import get_logger
from dbaas.taskmanager import leases, outbox, services, workflow
from dbaas.taskmanager.leases import LeaseLost, update_owned
from dbaas.taskmanager.models import UNFINISHED, Direction, Operation, State
from dbaas.taskmanager.workflow import Done, Fail, Outcome, Wait
from guestagent.protocol.crypto import CryptoError
from guestagent.protocol.queues import TASKMANAGER_QUEUE

log = get_logger(__name__)

#: Waits shorter than this are also timed in the process; longer ones are left to the sweep.
SHORT_WAIT_SECONDS = 5.0
_MAX_TIMELINE = 100

#: Called with (operation, step name, "before" | "after"); metrics and test harnesses listen here.
observers: list[Callable[[Operation, str, str], None]] = []


def run(operation_id: str) -> None:
    """Carry an operation on until it ends, waits, or turns out to be somebody else's."""
    operation = leases.claim(operation_id)
    if operation is None:
        return
    leases.keeper.hold(operation)
    with bound(
        operation_id=str(operation.pk),
        request_id=operation.request_id,
        actor=operation.actor,
        project_id=operation.project_id,
        instance_id=operation.resource_id,
    ):
        try:
            _run_claimed(operation)
        except LeaseLost:
            log.warning("lease_lost", kind=operation.kind, step=operation.step)
        finally:
            leases.keeper.release(operation)


def _run_claimed(operation: Operation) -> None:
    recipe = workflow.load(operation.kind)
    if operation.started_at is None:
        update_owned(operation, started_at=timezone.now())
    try:
        ctx = recipe.context(operation, _secrets_of(operation))
    except DbaasError as error:  # what the operation is about is gone
        _finish(operation, recipe, State.FAILED, error.code, error.message)
        return
    while True:
        _turn_back_if_asked(operation)
        steps = recipe.steps if operation.direction == Direction.FORWARD else recipe.on_failure
        if operation.step_index >= len(steps):
            _finish_as_directed(operation, recipe)
            return
        if not _run_step(operation, recipe, ctx, steps[operation.step_index]):
            return


def _secrets_of(operation: Operation) -> dict[str, Any]:
    """The opened secrets; when no key opens them there is nothing to do but to undo, which needs none."""
    try:
        return services.open_params(operation)
    except CryptoError:
        log.exception("secrets_unreadable")
        if operation.direction == Direction.FORWARD:
            _turn_back(
                operation, "secrets_unreadable", "The operation's secrets cannot be opened; check the keys."
            )
        return {}


def _run_step(
    operation: Operation, recipe: workflow.Workflow[Any], ctx: Any, step: workflow.Step[Any]
) -> bool:
    """Run one step and write its outcome; True when the operation goes on at once."""
    name = step.__name__
    if operation.step != name or operation.step_started_at is None:
        update_owned(operation, step=name, step_started_at=timezone.now(), attempts=0)
    seen = Operation.objects.values_list("signal", flat=True).get(pk=operation.pk)
    _observe(operation, name, "before")
    outcome = _outcome_of(operation, recipe, ctx, step)
    _observe(operation, name, "after")
    match outcome:
        case Done(record=record):
            _advance(operation, recipe, ctx, record)
            return True
        case Fail(code=code, message=message):
            return _step_failed(operation, code, message)
        case Wait():
            return _wait(operation, outcome, seen)


def _outcome_of(
    operation: Operation, recipe: workflow.Workflow[Any], ctx: Any, step: workflow.Step[Any]
) -> Outcome:
    """The step's outcome; what it raises becomes one: retryable errors wait, others fail."""
    try:
        outcome = step(ctx)
    except LeaseLost:
        raise
    except Exception as error:
        return _outcome_of_error(operation, recipe, step, error)
    if operation.attempts:
        update_owned(operation, attempts=0)
    return outcome


def _outcome_of_error(
    operation: Operation, recipe: workflow.Workflow[Any], step: workflow.Step[Any], error: Exception
) -> Outcome:
    known = hasattr(error, "code") and hasattr(error, "retryable")
    code = str(getattr(error, "code", "internal_error"))
    message = str(error) if known else f"Step {step.__name__} went wrong; operators see how in the log."
    update_owned(operation, attempts=operation.attempts + 1)
    going_back = operation.direction == Direction.BACK
    log.log(
        30 if known else 40,
        "step_raised",
        step=step.__name__,
        code=code,
        attempts=operation.attempts,
        exc_info=not known,
        error=type(error).__name__,
    )
    if not going_back and known and not getattr(error, "retryable", False):
        return Fail(code, message)
    # What is unknown is tried again like what is retryable: it may be our own database that was away.
    patience = recipe.compensation_seconds if going_back else recipe.retry_seconds
    return Wait(min(15.0, 0.5 * 2 ** min(operation.attempts, 5)), patience, code, message)


def _advance(operation: Operation, recipe: workflow.Workflow[Any], ctx: Any, record: Any) -> None:
    operation.context.update(record)
    index = operation.step_index + 1
    progress = operation.progress
    if operation.direction == Direction.FORWARD:
        progress = max(progress, index * 100 // max(1, len(recipe.steps)))
    update_owned(
        operation,
        step_index=index,
        context=operation.context,
        waiting_for="",
        progress=progress,
        timeline=_with_entry(operation),
        step_started_at=None,
        attempts=0,
    )
    ctx.recorded = operation.context


def _with_entry(operation: Operation, error: str = "") -> list[dict[str, Any]]:
    started = operation.step_started_at or timezone.now()
    entry = {
        "step": operation.step,
        "started_at": started.isoformat(),
        "seconds": round((timezone.now() - started).total_seconds(), 3),
    }
    if operation.attempts:
        entry["failed_attempts"] = operation.attempts
    if error:
        entry["error"] = error
    return [*operation.timeline, entry][-_MAX_TIMELINE:]


def _step_failed(operation: Operation, code: str, message: str) -> bool:
    """Forward: turn back. Going back: note it and go on, so that one leftover strands nothing else."""
    log.warning("step_failed", step=operation.step, code=code, direction=operation.direction)
    if operation.direction == Direction.FORWARD:
        _turn_back(operation, code, message)
    else:
        update_owned(
            operation,
            step_index=operation.step_index + 1,
            step_started_at=None,
            attempts=0,
            timeline=_with_entry(operation, code),
            waiting_for="",
        )
    return True


def _wait(operation: Operation, wait: Wait, seen_signal: int) -> bool:
    """Park the operation, unless its time is up or something woke it since the step looked."""
    now = timezone.now()
    give_up_at = (operation.step_started_at or now) + timedelta(seconds=wait.give_up_in)
    if operation.direction == Direction.FORWARD:
        give_up_at = min(give_up_at, operation.deadline_at)
    if now >= give_up_at:
        message = (
            wait.message or f"Gave up after {wait.give_up_in:.0f} seconds: {wait.reason.replace('_', ' ')}."
        )
        return _step_failed(operation, wait.reason, message)
    wake_at = min(now + timedelta(seconds=wait.wake_in), give_up_at)
    parked = Operation.objects.filter(
        pk=operation.pk,
        lease_token=operation.lease_token,
        state=State.RUNNING,
        signal=seen_signal,
        cancel_requested_at=operation.cancel_requested_at,
    ).update(
        state=State.WAITING,
        wake_at=wake_at,
        waiting_for=wait.reason[:64],
        dispatched_at=None,
        lease_owner="",
        lease_token="",
        lease_until=None,
    )
    if parked:
        _time_short_wait(operation, wake_at)
        return False
    current = Operation.objects.filter(pk=operation.pk, lease_token=operation.lease_token)
    cancel_requested_at = current.values_list("cancel_requested_at", flat=True)
    if not cancel_requested_at:
        raise LeaseLost(str(operation.pk))
    operation.cancel_requested_at = cancel_requested_at[0]
    return True


def _time_short_wait(operation: Operation, wake_at: datetime) -> None:
    """A convenience, not a promise: if this process dies, the sweep finds the operation a little later."""
    pause = (wake_at - timezone.now()).total_seconds()
    if pause <= SHORT_WAIT_SECONDS and leases.keeper.is_started:
        message = (services.RUN_OPERATION, [str(operation.pk)], TASKMANAGER_QUEUE)
        timer = threading.Timer(max(0.01, pause + 0.01), outbox.publish, message)
        timer.daemon = True
        timer.start()


def _turn_back_if_asked(operation: Operation) -> None:
    if operation.direction == Direction.BACK:
        return
    asked_at = Operation.objects.values_list("cancel_requested_at", flat=True).get(pk=operation.pk)
    if asked_at is not None:
        operation.cancel_requested_at = asked_at
        _turn_back(operation, "cancelled", "The operation was cancelled.")


def _turn_back(operation: Operation, code: str, message: str) -> None:
    update_owned(
        operation,
        direction=Direction.BACK,
        step_index=0,
        step_started_at=None,
        attempts=0,
        error_code=code,
        error_message=message,
        waiting_for="",
        timeline=_with_entry(operation, code),
    )


def _finish_as_directed(operation: Operation, recipe: workflow.Workflow[Any]) -> None:
    if operation.direction == Direction.FORWARD:
        _finish(operation, recipe, State.SUCCEEDED)
    else:
        state = State.CANCELLED if operation.error_code == "cancelled" else State.FAILED
        _finish(operation, recipe, state, operation.error_code, operation.error_message)


def _finish(
    operation: Operation, recipe: workflow.Workflow[Any], state: State, code: str = "", message: str = ""
) -> None:
    """End the operation, run the workflow's last word, and dispatch the next of the lane: one transaction."""
    with transaction.atomic():
        update_owned(
            operation,
            state=state,
            finished_at=timezone.now(),
            exclusive_key=None,
            sealed_params="",
            waiting_for="",
            lease_owner="",
            lease_until=None,
            error_code=code,
            error_message=message,
            progress=100 if state == State.SUCCEEDED else operation.progress,
        )
        if state == State.SUCCEEDED:
            recipe.succeeded(operation)
        else:
            recipe.failed(operation, code, message)
        why = {"error": code, "message": message} if code else {}
        services.note_operation(operation, state.value, after=why)
        lane = Operation.objects.filter(lane=operation.lane, state__in=UNFINISHED)
        following = lane.order_by("position").values_list("pk", flat=True).first()
        if following is not None:
            services.dispatch(following)
    log.info("operation_ended", kind=operation.kind, state=state.value, code=code)


def _observe(operation: Operation, step: str, moment: str) -> None:
    for observer in observers:
        observer(operation, step, moment)
