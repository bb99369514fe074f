"""States of an instance: how they change, and how the API shows them."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any, Final

from django.conf import settings
from django.utils import timezone

from guestagent.protocol.types import DatastoreStatus
from instances import history
from instances.models import Instance, InstanceState

#: Which state may follow which. A test walks every pair.
EDGES: Final[dict[InstanceState, frozenset[InstanceState]]] = {
    InstanceState.BUILDING: frozenset({InstanceState.ACTIVE, InstanceState.ERROR}),
    InstanceState.ACTIVE: frozenset(
        {
            InstanceState.RESTARTING,
            InstanceState.RESIZING,
            InstanceState.UPGRADING,
            InstanceState.REBUILDING,
            InstanceState.STOPPING,
            InstanceState.DELETING,
        }
    ),
    InstanceState.RESTARTING: frozenset({InstanceState.ACTIVE, InstanceState.DELETING}),
    InstanceState.RESIZING: frozenset({InstanceState.ACTIVE, InstanceState.DELETING}),
    InstanceState.UPGRADING: frozenset({InstanceState.ACTIVE, InstanceState.DELETING}),
    InstanceState.REBUILDING: frozenset({InstanceState.ACTIVE, InstanceState.DELETING}),
    InstanceState.STOPPING: frozenset({InstanceState.STOPPED, InstanceState.ACTIVE, InstanceState.DELETING}),
    InstanceState.STOPPED: frozenset({InstanceState.STARTING, InstanceState.DELETING}),
    InstanceState.STARTING: frozenset({InstanceState.ACTIVE, InstanceState.STOPPED, InstanceState.DELETING}),
    InstanceState.ERROR: frozenset({InstanceState.DELETING}),
    InstanceState.DELETING: frozenset({InstanceState.DELETED, InstanceState.ERROR}),
    InstanceState.DELETED: frozenset(),
}
#: An operation must be at work while an instance is in one of these; where it goes when that is given up.
FALLBACK: Final[dict[InstanceState, InstanceState]] = {
    InstanceState.BUILDING: InstanceState.ERROR,
    InstanceState.RESTARTING: InstanceState.ACTIVE,
    InstanceState.RESIZING: InstanceState.ACTIVE,
    InstanceState.UPGRADING: InstanceState.ACTIVE,
    InstanceState.REBUILDING: InstanceState.ACTIVE,
    InstanceState.STOPPING: InstanceState.ACTIVE,
    InstanceState.STARTING: InstanceState.STOPPED,
    InstanceState.DELETING: InstanceState.ERROR,
}
TRANSITIONAL: Final = frozenset(FALLBACK)

#: Contract, 2.2: what `status` says.
_STATUS: Final = {
    InstanceState.BUILDING: "BUILD",
    InstanceState.ACTIVE: "ACTIVE",
    InstanceState.RESTARTING: "REBOOT",
    InstanceState.RESIZING: "RESIZE",
    InstanceState.UPGRADING: "UPGRADE",
    InstanceState.REBUILDING: "BUILD",
    InstanceState.STOPPING: "SHUTDOWN",
    InstanceState.STOPPED: "SHUTDOWN",
    InstanceState.STARTING: "REBOOT",
    InstanceState.ERROR: "ERROR",
    InstanceState.DELETING: "SHUTDOWN",
    InstanceState.DELETED: "SHUTDOWN",
}
#: Contract, 2.1: what `operating_status` says.
_OPERATING_STATUS: Final = {
    DatastoreStatus.NEW: "NEW",
    DatastoreStatus.BUILDING: "BUILD",
    DatastoreStatus.RUNNING: "ACTIVE",
    DatastoreStatus.HEALTHY: "HEALTHY",
    DatastoreStatus.BLOCKED: "BLOCKED",
    DatastoreStatus.SHUTDOWN: "SHUTDOWN",
    DatastoreStatus.CRASHED: "SHUTDOWN",
    DatastoreStatus.RESTARTING: "RESTARTING",
    DatastoreStatus.RESTART_REQUIRED: "RESTART_REQUIRED",
    DatastoreStatus.FAILED: "FAILED",
    DatastoreStatus.UNKNOWN: "ERROR",
}
#: Contract, 2.3: in these the guest can be asked to restart, resize, … its database.
ACTIONABLE: Final = frozenset(
    {
        DatastoreStatus.RUNNING,
        DatastoreStatus.SHUTDOWN,
        DatastoreStatus.CRASHED,
        DatastoreStatus.BLOCKED,
        DatastoreStatus.HEALTHY,
        DatastoreStatus.RESTART_REQUIRED,
    }
)
#: Contract, 1.4: in these databases, users and root can be changed.
SERVING: Final = frozenset(
    {DatastoreStatus.RUNNING, DatastoreStatus.HEALTHY, DatastoreStatus.RESTART_REQUIRED}
)


def move(
    instance: Instance, to: InstanceState, *, sources: Collection[InstanceState] | None = None, **changes: Any
) -> bool:
    """Take an edge by a conditional UPDATE; False when the instance is in no state it may be taken from."""
    allowed = [source for source in EDGES if to in EDGES[source]]
    wanted = [source for source in allowed if sources is None or source in sources]
    with history.noted(instance):
        moved = Instance.objects.filter(pk=instance.pk, state__in=wanted).update(
            state=to, updated_at=timezone.now(), **changes
        )
    if moved:
        instance.state = to
        for name, value in changes.items():
            setattr(instance, name, value)
    return bool(moved)


def states_shown_as(status: str) -> frozenset[InstanceState]:
    """The states that the API shows as this `status`; empty for one that is none."""
    return frozenset(state for state, shown in _STATUS.items() if shown == status.upper())


def visible_status(instance: Instance, now: datetime | None = None) -> tuple[str, str]:
    """`status` and `operating_status` as the API shows them (contract, section 2).

    While a new configuration is being applied, the operating status is empty: wait for one that is not.
    """
    state = InstanceState(instance.state)
    if state is not InstanceState.ACTIVE:
        return _STATUS[state], ""
    status = datastore_status(instance, now)
    is_changing = status in SERVING and instance.configuration_operation_id is not None
    return _STATUS[state], "" if is_changing else _OPERATING_STATUS[status]


def datastore_status(instance: Instance, now: datetime | None = None) -> DatastoreStatus:
    """What the guest said last; UNKNOWN when it has been silent for too long."""
    guest = instance.guest
    status = DatastoreStatus(guest.datastore_status)
    if status in {DatastoreStatus.NEW, DatastoreStatus.UNKNOWN}:
        return status
    expiry = timedelta(seconds=settings.AGENT_HEARTBEAT_EXPIRY)
    if guest.last_seen_at is None or guest.last_seen_at < (now or timezone.now()) - expiry:
        return DatastoreStatus.UNKNOWN
    return status
