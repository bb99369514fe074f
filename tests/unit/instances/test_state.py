"""Every pair of states, and every status a user can see."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone

from guestagent.protocol.types import DatastoreStatus
from instances import state
from instances.models import Instance, InstanceState

pytestmark = pytest.mark.django_db

ALLOWED = {
    ("building", "active"), ("building", "error"),
    ("active", "restarting"), ("active", "deleting"),
    ("restarting", "active"), ("restarting", "deleting"),
    ("active", "resizing"), ("resizing", "active"), ("resizing", "deleting"),
    ("active", "upgrading"), ("upgrading", "active"), ("upgrading", "deleting"),
    ("active", "rebuilding"), ("rebuilding", "active"), ("rebuilding", "deleting"),
    ("active", "stopping"), ("stopping", "active"), ("stopping", "stopped"), ("stopping", "deleting"),
    ("stopped", "starting"), ("stopped", "deleting"),
    ("starting", "active"), ("starting", "stopped"), ("starting", "deleting"),
    ("error", "deleting"),
    ("deleting", "deleted"), ("deleting", "error"),
}  # fmt: skip


@pytest.mark.parametrize("to", InstanceState)
@pytest.mark.parametrize("source", InstanceState)
def test_move_takes_exactly_the_edges_there_are(
    source: InstanceState, to: InstanceState, make_instance: Callable[..., Instance]
) -> None:
    instance = make_instance(source)
    expected = (source.value, to.value) in ALLOWED
    assert state.move(instance, to) is expected
    instance.refresh_from_db()
    assert instance.state == (to if expected else source)


def test_move_from_a_stale_copy_changes_nothing(make_instance: Callable[..., Instance]) -> None:
    instance = make_instance(InstanceState.RESTARTING)
    stale = Instance.objects.get(pk=instance.pk)
    assert state.move(instance, InstanceState.DELETING)
    assert not state.move(stale, InstanceState.ACTIVE, sources={InstanceState.RESTARTING})
    assert Instance.objects.get(pk=instance.pk).state == InstanceState.DELETING


@pytest.mark.parametrize("instance_state", InstanceState)
@pytest.mark.parametrize("status", DatastoreStatus)
def test_visible_status_is_defined_for_every_pair(
    instance_state: InstanceState, status: DatastoreStatus, make_instance: Callable[..., Instance]
) -> None:
    visible, operating = state.visible_status(make_instance(instance_state, status))
    assert visible in {"BUILD", "ACTIVE", "REBOOT", "RESIZE", "UPGRADE", "ERROR", "SHUTDOWN"}
    assert (operating == "") is (instance_state is not InstanceState.ACTIVE)


def test_healthy_is_the_ready_signal_and_silence_is_an_error(make_instance: Callable[..., Instance]) -> None:
    instance = make_instance()
    assert state.visible_status(instance) == ("ACTIVE", "HEALTHY")
    later = timezone.now() + timedelta(seconds=31)
    assert state.visible_status(instance, later) == ("ACTIVE", "ERROR")
    assert state.datastore_status(instance, later) is DatastoreStatus.UNKNOWN


def test_whatever_is_given_up_leads_to_a_state_there_is(make_instance: Callable[..., Instance]) -> None:
    for source, to in state.FALLBACK.items():
        assert to in state.EDGES[source]
        assert state.move(make_instance(source), to, sources={source})
