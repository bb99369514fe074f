"""The last net: what no operation looks after any more is found by looking.

In ordinary times this finds nothing. It exists for what cannot be seen from inside an operation: a row
restored from a backup of the control database, a worker frozen for minutes in the middle of a call, a bug.
"""

import uuid
from datetime import timedelta

from django.utils import timezone

from dbaas.accounts import quotas
from dbaas.common.logs import get_logger
from dbaas.conductor import broker
from dbaas.taskmanager.models import UNFINISHED, Operation
from instances import state
from instances.models import Instance, InstanceState
from instances.workflows.base import provider

log = get_logger(__name__)

#: Rows younger than this may be in the middle of being written or moved.
GRACE = timedelta(seconds=60)
PREFIX = "dbaas-"


def reap_stuck() -> int:
    """Instances in a state that an operation must be working on, with none at work: tell the user."""
    before = timezone.now() - GRACE
    stuck = Instance.objects.filter(state__in=state.TRANSITIONAL, updated_at__lt=before)
    count = 0
    for instance in stuck:
        if Operation.objects.filter(lane=instance.lane, state__in=UNFINISHED).exists():
            continue
        to = state.FALLBACK[InstanceState(instance.state)]
        message = f"Nothing was working on it any more while it was {instance.state}."
        if state.move(
            instance,
            to,
            sources={InstanceState(instance.state)},
            fault_code="abandoned",
            fault_message=message,
            fault_at=timezone.now(),
        ):
            log.error("instance_reaped", instance_id=str(instance.pk), to=to.value)
            count += 1
    return count


def remove_leftovers() -> int:
    """Servers, volumes, networks, queues, accounts and quota whose instance is gone."""
    count = 0
    cloud = provider()
    deleters = {"server": cloud.delete_server, "volume": cloud.delete_volume, "network": cloud.delete_network}
    for kind, names in cloud.list_resources().items():
        for name in names:
            if _is_leftover(name.removeprefix(PREFIX)):
                log.error("leftover_removed", kind=kind, name=name)
                count += bool(deleters[kind](name))
    for instance_id in broker.list_guests():
        if _is_leftover(instance_id):
            log.error("leftover_removed", kind="guest_account", name=instance_id)
            broker.delete_guest(instance_id)
            count += 1
    for instance in Instance.objects.filter(state__in=_GONE, updated_at__gt=timezone.now() - 60 * GRACE):
        if _is_leftover(str(instance.pk)):
            quotas.release(holder=str(instance.pk))
    return count


_GONE = (InstanceState.DELETED, InstanceState.ERROR)


def _is_leftover(instance_id: str) -> bool:
    """Only what is certainly ours, certainly over, and has been for a while."""
    try:
        key = uuid.UUID(instance_id)
    except ValueError:
        return False
    row = Instance.objects.filter(pk=key).values("state", "updated_at").first()
    if row is None or row["state"] not in _GONE or row["updated_at"] > timezone.now() - GRACE:
        return False
    return not Operation.objects.filter(lane=str(key), state__in=UNFINISHED).exists()
