"""Every change of an instance is an event, and what it uses is counted from its rows."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from datastores.models import DatastoreVersion, Flavor
from dbaas.accounts.caller import Caller
from dbaas.common import metrics
from dbaas.conductor.handlers import Sender
from dbaas.events.models import Event, UsageInterval
from dbaas.taskmanager import engine, services, workflow
from dbaas.taskmanager.models import Operation
from guestagent.protocol.reports import Heartbeat
from guestagent.protocol.secret import Secret
from guestagent.protocol.types import DatabaseSpec, DatastoreStatus, UserSpec
from instances import reports, state
from instances.guest import GuestClient
from instances.models import Guest, Instance, InstanceState
from instances.services.create import InstanceRequest, instance_create
from instances.services.databases import databases_create
from instances.services.delete import instance_delete
from instances.services.restart import instance_restart
from instances.services.root import root_disable, root_enable
from instances.services.update import instance_update
from instances.services.users import users_create

pytestmark = pytest.mark.django_db
Make = Callable[..., Instance]


def events(instance: Instance) -> list[str]:
    found = Event.objects.filter(resource_id=str(instance.pk)).order_by("created_at")
    return [event.type.removeprefix("instances.") for event in found]


def last(instance: Instance, type: str) -> Event:
    return Event.objects.filter(resource_id=str(instance.pk), type=f"instances.{type}").latest("created_at")


def end(operation: Operation, succeeded: bool = True) -> None:
    """As the engine ends it, whatever its steps are."""
    Operation.objects.filter(pk=operation.pk).update(exclusive_key=None)
    recipe = workflow.load(operation.kind)
    if succeeded:
        recipe.succeeded(operation)
    else:
        recipe.failed(operation, "broken", "It broke.")


@pytest.fixture
def created(
    alice: Caller, version: DatastoreVersion, flavor: Flavor, sent: object
) -> tuple[Instance, Operation]:
    request = InstanceRequest(
        name="db1", flavor_ref="1", volume_size_gb=2, datastore="MariaDB",
        databases=[DatabaseSpec(name="app")],
        users=[UserSpec(name="joe", password=Secret("hunter2-hunter2"), databases=("app",))],
    )  # fmt: skip
    return instance_create(caller=alice, request=request)


def test_creation_is_told(created: tuple[Instance, Operation], alice: Caller) -> None:
    instance, operation = created
    assert events(instance) == ["created", "create_instance.requested"]
    event = last(instance, "create_instance.requested")
    assert (event.actor, event.operation_id) == (alice.user_id, str(operation.pk))
    assert last(instance, "created").after["name"] == "db1"
    assert "hunter2" not in str(list(Event.objects.values()))


def test_billing_starts_when_it_can_be_used_and_ends_when_its_end_is_asked_for(
    created: tuple[Instance, Operation], alice: Caller
) -> None:
    instance, operation = created
    assert not UsageInterval.objects.exists()
    end(operation)
    interval = UsageInterval.objects.get()
    assert (interval.ram_mb, interval.vcpus, interval.volume_gb) == (512, 1, 2)
    assert (interval.project_id, interval.flavor_id) == (alice.project_id, "1")
    instance.refresh_from_db()
    restart = instance_restart_of(instance, alice)
    end(restart, succeeded=False)
    assert UsageInterval.objects.get().ended_at is None  # a restart is not an end
    end(instance_delete(caller=alice, instance=Instance.objects.get(pk=instance.pk)))
    assert UsageInterval.objects.get().ended_at is not None
    assert events(instance)[-3:] == ["delete_instance.requested", "state_changed", "state_changed"]


def instance_restart_of(instance: Instance, caller: Caller) -> Operation:
    Guest.objects.filter(pk=instance.pk).update(
        datastore_status=DatastoreStatus.HEALTHY.value, last_seen_at=timezone.now()
    )
    return instance_restart(
        caller=caller, instance=Instance.objects.select_related("guest").get(pk=instance.pk)
    )


def test_failed_creation_costs_nothing(created: tuple[Instance, Operation]) -> None:
    instance, operation = created
    end(operation, succeeded=False)
    assert not UsageInterval.objects.exists()
    event = last(instance, "state_changed")
    assert event.before == {"state": "building", "fault_code": "", "fault_message": ""}
    assert event.after == {"state": "error", "fault_code": "broken", "fault_message": "It broke."}


def test_resize_and_rest_change_what_is_counted(make_instance: Make) -> None:
    large = Flavor.objects.create(id="2", name="db.small", ram_mb=1024, vcpus=2)
    instance = make_instance(InstanceState.BUILDING)
    state.move(instance, InstanceState.ACTIVE)
    state.move(instance, InstanceState.RESIZING)
    state.move(instance, InstanceState.ACTIVE, flavor_id=large.pk, volume_size_gb=4)
    state.move(instance, InstanceState.STOPPING)
    state.move(instance, InstanceState.STOPPED)
    state.move(instance, InstanceState.STARTING)
    state.move(instance, InstanceState.ACTIVE)
    counted = UsageInterval.objects.order_by("started_at", "pk").values_list("ram_mb", "volume_gb")
    assert list(counted) == [(512, 1), (1024, 4), (0, 4), (1024, 4)]


@pytest.mark.parametrize("instance_state", InstanceState)
def test_every_state_is_billed_or_not(instance_state: InstanceState, make_instance: Make) -> None:
    """Walk to each state by its shortest way: what is counted there is what the state says."""
    instance = make_instance(InstanceState.BUILDING)
    for step in way_to(instance_state):
        assert state.move(instance, step)
    there = UsageInterval.objects.filter(open_key=str(instance.pk)).values_list("ram_mb", flat=True)
    if instance_state in {"building", "error", "deleting", "deleted"}:
        assert list(there) == []
    else:
        assert list(there) == [0 if instance_state in {"stopped", "starting"} else 512]


def way_to(target: InstanceState) -> list[InstanceState]:
    ways = {InstanceState.BUILDING: list[InstanceState]()}
    queue = [InstanceState.BUILDING]
    for source in queue:
        for following in sorted(state.EDGES[source]):
            if following not in ways:
                ways[following] = [*ways[source], following]
                queue.append(following)
    return ways[target]


def test_rename_shows_before_and_after(make_instance: Make) -> None:
    instance = make_instance(name="old")
    instance_update(instance=instance, name="new", tags=["a"])
    event = last(instance, "updated")
    assert event.before == {"name": "old", "tags": []}
    assert event.after == {"name": "new", "tags": ["a"]}
    instance_update(instance=instance, name="new")
    assert events(instance) == ["updated"]  # nothing changed, nothing is told


def test_refused_move_tells_nothing(make_instance: Make) -> None:
    instance = make_instance(InstanceState.DELETING)
    assert not state.move(instance, InstanceState.ACTIVE)
    assert events(instance) == []


def test_databases_users_and_root(
    make_instance: Make, alice: Caller, monkeypatch: pytest.MonkeyPatch, sent: object
) -> None:
    answers: dict[str, Any] = {"items": [{"name": "app"}], "next_marker": None}
    monkeypatch.setattr(GuestClient, "ask", lambda self, command, *, timeout_seconds: answers)
    instance = make_instance()
    databases_create(caller=alice, instance=instance, databases=[DatabaseSpec(name="orders")])
    assert last(instance, "create_databases.requested").after["databases"][0]["name"] == "orders"
    answers["items"] = []
    users_create(caller=alice, instance=instance, users=[UserSpec(name="joe", password=Secret("hunter2"))])
    assert last(instance, "create_users.requested").after["users"][0]["name"] == "joe"
    root_enable(caller=alice, instance=instance, password=Secret("hunter2"))
    root_disable(caller=alice, instance=instance)
    assert events(instance)[-2:] == ["root_enabled", "root_disabled"]
    assert "hunter2" not in str(list(Event.objects.values()))


def test_status_of_the_database_is_told_once(make_instance: Make) -> None:
    instance = make_instance(datastore_status=DatastoreStatus.HEALTHY)
    crash = Heartbeat(datastore_status=DatastoreStatus.CRASHED, agent_version="1")
    for sequence in (5, 6, 4):
        reports.take_heartbeats([(sender(instance, sequence), crash)])
    [event] = Event.objects.filter(type="instances.datastore_status_changed")
    assert (event.before, event.after) == (
        {"datastore_status": "healthy"}, {"datastore_status": "crashed"},
    )  # fmt: skip
    late = Heartbeat(datastore_status=DatastoreStatus.HEALTHY, agent_version="1")
    reports.take_heartbeats([(sender(instance, 3), late)])
    assert Event.objects.count() == 1  # a beat that was overtaken is no news


def sender(instance: Instance, sequence: int) -> Sender:
    return Sender(str(instance.pk), sequence, timezone.now())


def test_end_of_an_operation_is_told_with_who_asked(
    make_instance: Make, alice: Caller, sent: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    instance = make_instance()
    operation = instance_restart(caller=alice, instance=instance)
    services.cancel(operation.pk)
    engine.run(str(operation.pk))
    event = last(instance, "restart_instance.cancelled")
    assert (event.actor, event.after["error"]) == (alice.user_id, "cancelled")


def test_gauges_tell_of_operations_and_guests(make_instance: Make, alice: Caller, sent: object) -> None:
    busy, silent = make_instance(), make_instance(name="db2")
    Guest.objects.filter(pk=silent.pk).update(last_seen_at=timezone.now() - timedelta(hours=1))
    operation = instance_restart(caller=alice, instance=busy)
    Operation.objects.filter(pk=operation.pk).update(created_at=timezone.now() - timedelta(seconds=90))
    text = metrics.exposition()[0].decode()
    assert 'dbaas_operations_unfinished{kind="instances.restart_instance",state="pending"} 1.0' in text
    assert 'dbaas_guests{status="unknown"} 1.0' in text
    assert 'dbaas_guests{status="healthy"} 1.0' in text
    assert 'dbaas_instances{state="restarting"} 1.0' in text
    [age] = [
        line.split()[1] for line in text.splitlines() if line.startswith("dbaas_operation_oldest_seconds ")
    ]
    assert float(age) >= 90
    assert "dbaas_outbox_messages " in text
    assert 'dbaas_webhook_deliveries{state="dead"} 0.0' in text
