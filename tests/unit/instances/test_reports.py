"""What guests say, taken in: by the right one, once, and in any order."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import TestCase

from dbaas.conductor.handlers import Sender
from dbaas.taskmanager.models import Operation
from dbaas.taskmanager.services import operation_start
from guestagent.protocol.reports import CommandFinished, CommandProgressed, Heartbeat, Outcome
from guestagent.protocol.types import DatastoreStatus
from instances import reports
from instances.models import CommandState, Guest, GuestCommand, Instance

pytestmark = pytest.mark.django_db

Sent = list[tuple[str, list[Any], str]]


def sender(instance: Instance, sequence: int = 1) -> Sender:
    return Sender(instance_id=str(instance.pk), sequence=sequence, sent_at=datetime.now(UTC))


def beat(status: DatastoreStatus = DatastoreStatus.HEALTHY) -> Heartbeat:
    return Heartbeat(
        datastore_status=status, agent_version="0.1.0", engine_version="10.11.6", volume_used_bytes=5
    )


def command_of(instance: Instance) -> tuple[Operation, GuestCommand]:
    operation = operation_start(
        kind="instances.restart_instance",
        project_id="p",
        lane=instance.lane,
        deadline_seconds=60,
        resource_id=str(instance.pk),
    )
    command = GuestCommand.objects.create(
        id=uuid.uuid4(), instance=instance, operation_id=operation.pk, kind="restart_datastore"
    )
    return operation, command


def test_heartbeat_updates_what_is_shown(make_instance: Callable[..., Instance]) -> None:
    instance = make_instance(datastore_status=DatastoreStatus.NEW)
    reports.take_heartbeats([(sender(instance), beat())])
    guest = Guest.objects.get(pk=instance.pk)
    assert (guest.datastore_status, guest.engine_version, guest.volume_used_bytes) == (
        "healthy",
        "10.11.6",
        5,
    )
    assert guest.last_seen_at is not None


def test_older_heartbeat_changes_nothing(make_instance: Callable[..., Instance]) -> None:
    instance = make_instance()
    reports.take_heartbeats([(sender(instance, 7), beat(DatastoreStatus.CRASHED))])
    reports.take_heartbeats([(sender(instance, 6), beat())])
    reports.take_heartbeats([(sender(instance, 7), beat())])
    assert Guest.objects.get(pk=instance.pk).datastore_status == "crashed"


def test_batch_costs_the_same_whatever_its_size(make_instance: Callable[..., Instance]) -> None:
    instances = [make_instance() for _ in range(30)]
    case = TestCase()
    for count, sequence in ((1, 1), (30, 2)):
        with case.assertNumQueries(4):  # savepoint, read, write, release
            reports.take_heartbeats([(sender(i, sequence), beat()) for i in instances[:count]])


def test_outcome_is_noted_once_and_wakes_the_operation(
    make_instance: Callable[..., Instance], sent: Sent
) -> None:
    instance = make_instance()
    operation, command = command_of(instance)
    done = CommandFinished(command_id=str(command.pk), outcome=Outcome.SUCCEEDED, result={"n": 1})
    reports.take_command_finished(sender(instance), done)
    failed = CommandFinished(command_id=str(command.pk), outcome=Outcome.FAILED, error_code="late")
    reports.take_command_finished(sender(instance, 2), failed)
    command.refresh_from_db()
    assert (command.state, command.result, command.error_code) == (CommandState.SUCCEEDED, {"n": 1}, "")
    assert Operation.objects.get(pk=operation.pk).signal == 1


def test_guest_cannot_end_or_advance_the_command_of_another(
    make_instance: Callable[..., Instance], sent: Sent
) -> None:
    mine, other = make_instance(), make_instance()
    operation, command = command_of(mine)
    report = CommandFinished(command_id=str(command.pk), outcome=Outcome.SUCCEEDED)
    reports.take_command_finished(sender(other), report)
    reports.take_command_progressed(sender(other), CommandProgressed(command_id=str(command.pk), percent=50))
    command.refresh_from_db()
    operation.refresh_from_db()
    assert (command.state, operation.progress, operation.signal) == (CommandState.SENT, 0, 0)


@pytest.mark.parametrize("command_id", ["", "not-a-uuid", "\0", "5a1a557c-2adc-43aa-ad94-f4b643d7dba8"])
def test_outcome_of_nothing_is_ignored(make_instance: Callable[..., Instance], command_id: str) -> None:
    report = CommandFinished(command_id=command_id, outcome=Outcome.SUCCEEDED)
    reports.take_command_finished(sender(make_instance()), report)
    assert not GuestCommand.objects.exists()


def test_keys_are_of_living_guests_only(make_instance: Callable[..., Instance]) -> None:
    instance = make_instance()
    found = reports.keys_of(str(instance.pk))
    assert found is not None
    assert found.public_key == instance.guest.public_key
    Guest.objects.filter(pk=instance.pk).update(wrapped_key="")
    assert reports.keys_of(str(instance.pk)) is None
    assert reports.keys_of(str(uuid.uuid4())) is None
    assert reports.keys_of("../etc") is None
