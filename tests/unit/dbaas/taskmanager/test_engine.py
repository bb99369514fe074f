"""The engine: every way an operation can go, driven one run at a time."""

from datetime import timedelta

import pytest
from django.utils import timezone

from dbaas.common.errors import InstanceBusy, NotFound, ServiceUnavailable
from dbaas.taskmanager import engine, leases, services, sweeper
from dbaas.taskmanager.models import Direction, Operation, OutboxMessage, State
from dbaas.taskmanager.workflow import Done, Fail, Wait
from guestagent.protocol.secret import Secret
from tests.unit.dbaas.taskmanager.conftest import RecordingBroker, Script

pytestmark = pytest.mark.django_db(transaction=True)


def start(**options: object) -> Operation:
    values = {
        "kind": "tests.scripted",
        "project_id": "p",
        "lane": "lane",
        "deadline_seconds": 600.0,
        **options,
    }
    return services.operation_start(**values)  # type: ignore[arg-type]


def run(operation: Operation) -> Operation:
    engine.run(str(operation.pk))
    return Operation.objects.get(pk=operation.pk)


def make_due(operation: Operation) -> None:
    Operation.objects.filter(pk=operation.pk).update(wake_at=timezone.now())


def age_step(operation: Operation, seconds: float) -> None:
    then = timezone.now() - timedelta(seconds=seconds)
    Operation.objects.filter(pk=operation.pk).update(step_started_at=then, wake_at=timezone.now())


def test_runs_all_steps_and_ends_once(script: Script, broker: RecordingBroker) -> None:
    operation = run(start(exclusive=True, secrets={"password": Secret("hunter2")}))
    assert script.calls == ["first", "second"]
    assert script.ended == [("succeeded", "")]
    assert (operation.state, operation.progress, operation.exclusive_key) == (State.SUCCEEDED, 100, None)
    assert operation.sealed_params == ""
    assert [entry["step"] for entry in operation.timeline] == ["first", "second"]
    run(operation)  # a late or second message
    assert script.calls == ["first", "second"]


def test_records_are_kept_for_later_steps(script: Script, broker: RecordingBroker) -> None:
    script.answers["first"] = [Done({"server_id": "s1"})]
    script.answers["second"] = [Wait(10, 100, "x")]
    assert run(start()).context == {"server_id": "s1"}


def test_failure_runs_compensation_then_fails(script: Script, broker: RecordingBroker) -> None:
    script.answers["second"] = [Fail("broken", "It broke.")]
    operation = run(start(exclusive=True))
    assert script.calls == ["first", "second", "undo_second", "undo_first"]
    assert script.ended == [("failed", "broken")]
    assert (operation.state, operation.error_code, operation.error_message) == (
        State.FAILED,
        "broken",
        "It broke.",
    )
    assert operation.exclusive_key is None


def test_known_error_fails_at_once_and_retryable_waits(script: Script, broker: RecordingBroker) -> None:
    script.answers["first"] = [ServiceUnavailable("Broker away."), NotFound("No image.")]
    operation = run(start())
    assert (operation.state, operation.waiting_for, operation.attempts) == (
        State.WAITING,
        "service_unavailable",
        1,
    )
    make_due(operation)
    operation = run(operation)
    assert (operation.state, operation.error_code) == (State.FAILED, "not_found")


def test_unknown_error_is_retried_then_given_up_without_its_text(
    script: Script, broker: RecordingBroker
) -> None:
    script.answers["first"] = [RuntimeError("password=hunter2")]
    operation = run(start())
    assert operation.state == State.WAITING
    age_step(operation, 61)
    operation = run(operation)
    assert (operation.state, operation.error_code) == (State.FAILED, "internal_error")
    assert "hunter2" not in operation.error_message


def test_wait_parks_and_goes_on_when_woken(script: Script, broker: RecordingBroker) -> None:
    script.answers["first"] = [Wait(30, 100, "guest_silent"), Done()]
    operation = run(start())
    assert (operation.state, operation.waiting_for, operation.lease_token) == (
        State.WAITING,
        "guest_silent",
        "",
    )
    run(operation)  # a stray message before its time
    assert script.calls == ["first"]
    broker.sent.clear()
    services.wake(operation.pk)
    assert broker.sent == [("taskmanager.run_operation", [str(operation.pk)], "taskmanager")]
    assert run(operation).state == State.SUCCEEDED


def test_wake_during_a_step_is_not_missed(script: Script, broker: RecordingBroker) -> None:
    operation = start()

    def wake_while_running(_operation: Operation, step: str, moment: str) -> None:
        if (step, moment) == ("first", "after") and script.calls == ["first"]:
            services.wake(operation.pk)

    script.answers["first"] = [Wait(1000, 2000, "guest_silent"), Done()]
    engine.observers.append(wake_while_running)
    try:
        assert run(operation).state == State.SUCCEEDED
    finally:
        engine.observers.remove(wake_while_running)
    assert script.calls == ["first", "first", "second"]


def test_wait_gives_up_with_its_reason(script: Script, broker: RecordingBroker) -> None:
    script.answers["first"] = [Wait(5, 100, "guest_silent", "The guest did not answer.")]
    operation = run(start())
    age_step(operation, 101)
    operation = run(operation)
    assert (operation.state, operation.error_code) == (State.FAILED, "guest_silent")
    assert operation.error_message == "The guest did not answer."


def test_deadline_of_the_operation_bounds_every_wait(script: Script, broker: RecordingBroker) -> None:
    script.answers["first"] = [Wait(5, 10_000, "slow")]
    operation = run(start(deadline_seconds=50.0))
    assert operation.wake_at is not None
    Operation.objects.filter(pk=operation.pk).update(deadline_at=timezone.now(), wake_at=timezone.now())
    assert run(operation).error_code == "slow"


def test_stubborn_compensation_does_not_strand_the_rest(script: Script, broker: RecordingBroker) -> None:
    script.answers["second"] = [Fail("broken", "It broke.")]
    script.answers["undo_second"] = [NotFound("odd")]
    operation = run(start())
    assert (operation.state, operation.direction) == (State.WAITING, Direction.BACK)
    age_step(operation, 301)
    operation = run(operation)
    assert script.calls[-1] == "undo_first"
    assert (operation.state, operation.error_code) == (State.FAILED, "broken")


def test_dead_worker_loses_its_lease_and_another_resumes_at_the_step(
    script: Script, broker: RecordingBroker
) -> None:
    operation = start()
    dead = leases.claim(str(operation.pk))
    assert dead is not None
    run(operation)
    assert script.calls == []  # the lease holds
    Operation.objects.filter(pk=operation.pk).update(
        lease_until=timezone.now() - timedelta(seconds=1), step_index=1
    )
    assert run(operation).state == State.SUCCEEDED
    assert script.calls == ["second"]
    with pytest.raises(leases.LeaseLost):
        leases.update_owned(dead, progress=1)


def test_cancel_undoes_and_ends_as_cancelled(script: Script, broker: RecordingBroker) -> None:
    script.answers["second"] = [Wait(1000, 2000, "guest_silent")]
    operation = run(start())
    assert services.cancel(operation.pk)
    assert not services.cancel(operation.pk)
    operation = run(operation)
    assert script.calls == ["first", "second", "undo_second", "undo_first"]
    assert operation.state == State.CANCELLED
    assert not services.cancel(operation.pk)


def test_lane_runs_in_order_and_the_next_is_dispatched(script: Script, broker: RecordingBroker) -> None:
    script.answers["first"] = [Wait(1000, 2000, "x"), Done()]
    one, two = start(), start()
    run(one)
    run(two)
    assert script.calls == ["first"]
    broker.sent.clear()
    services.wake(one.pk)
    run(one)
    assert ("taskmanager.run_operation", [str(two.pk)], "taskmanager") in broker.sent
    assert run(two).state == State.SUCCEEDED


def test_exclusive_refuses_others_by_name_and_supersede_cancels_it(
    script: Script, broker: RecordingBroker
) -> None:
    one = start(exclusive=True)
    with pytest.raises(InstanceBusy, match=str(one.pk)):
        start(exclusive=True)
    with pytest.raises(InstanceBusy, match=r"tests\.scripted"):
        start()
    start(lane="another", exclusive=True)
    two = start(exclusive=True, supersede=True)
    assert run(two).state == State.PENDING  # it waits for the cancelled one to be undone
    assert run(one).state == State.CANCELLED
    assert run(two).state == State.SUCCEEDED


def test_unreadable_secrets_undo_instead_of_sticking(script: Script, broker: RecordingBroker) -> None:
    operation = start(secrets={"password": "x"})
    Operation.objects.filter(pk=operation.pk).update(sealed_params="000000000000.AAAA")
    operation = run(operation)
    assert (operation.state, operation.error_code) == (State.FAILED, "secrets_unreadable")
    assert script.calls == ["undo_second", "undo_first"]


def test_secrets_are_sealed_at_rest(script: Script, broker: RecordingBroker) -> None:
    operation = start(secrets={"password": Secret("hunter2")})
    row = str(Operation.objects.values().get(pk=operation.pk))
    assert "hunter2" not in row
    assert services.open_params(operation) == {"password": "hunter2"}


def test_broker_away_keeps_the_message_and_the_sweep_sends_it(
    script: Script, broker: RecordingBroker
) -> None:
    broker.is_away = True
    operation = start()
    assert OutboxMessage.objects.count() == 1
    sweeper.sweep()
    assert OutboxMessage.objects.count() == 1
    broker.is_away = False
    OutboxMessage.objects.update(next_attempt_at=timezone.now())
    sweeper.sweep()
    assert OutboxMessage.objects.count() == 0
    assert broker.sent[0][1] == [str(operation.pk)]


@pytest.mark.parametrize(
    ("changes", "is_due"),
    [
        ({"state": State.PENDING, "created_at": timedelta(seconds=-10)}, True),
        ({"state": State.PENDING}, False),
        ({"state": State.WAITING, "wake_at": timedelta(seconds=-1)}, True),
        ({"state": State.WAITING, "wake_at": timedelta(seconds=60)}, False),
        ({"state": State.RUNNING, "lease_until": timedelta(seconds=-1)}, True),
        ({"state": State.RUNNING, "lease_until": timedelta(seconds=60)}, False),
        ({"state": State.WAITING, "wake_at": timedelta(seconds=-1), "dispatched_at": timedelta(0)}, False),
        ({"state": State.SUCCEEDED}, False),
    ],
)
def test_sweep_finds_exactly_what_is_due(
    script: Script, broker: RecordingBroker, changes: dict[str, object], is_due: bool
) -> None:
    operation = start()
    now = timezone.now()
    values = {name: now + value if isinstance(value, timedelta) else value for name, value in changes.items()}
    Operation.objects.filter(pk=operation.pk).update(**values)
    OutboxMessage.objects.all().delete()
    broker.sent.clear()
    assert sweeper.sweep() == int(is_due)
    assert len(broker.sent) == int(is_due)


def test_purge_removes_only_old_ended_ones(script: Script, broker: RecordingBroker) -> None:
    old, fresh, unfinished = run(start(lane="a")), run(start(lane="b")), start(lane="c")
    Operation.objects.filter(pk=old.pk).update(finished_at=timezone.now() - timedelta(days=400))
    Operation.objects.filter(pk=unfinished.pk).update(created_at=timezone.now() - timedelta(days=400))
    assert sweeper.purge() == 1
    assert set(Operation.objects.values_list("pk", flat=True)) == {fresh.pk, unfinished.pk}
