"""What a step writes, it writes as the operation's worker or not at all."""

from collections.abc import Callable
from typing import Any

import pytest

from dbaas.taskmanager import leases
from dbaas.taskmanager.leases import LeaseLost
from dbaas.taskmanager.models import Operation, State
from dbaas.taskmanager.services import operation_start
from instances.models import Instance
from instances.workflows import base
from instances.workflows.base import InstanceContext

pytestmark = pytest.mark.django_db


def test_a_worker_that_lost_its_lease_writes_nothing(
    make_instance: Callable[..., Instance], sent: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(base, "provider", lambda: None)  # no step asks it here
    instance = make_instance()
    started = operation_start(
        kind="instances.restart_instance", project_id="p", lane=instance.lane, deadline_seconds=60,
        resource_id=str(instance.pk),
    )  # fmt: skip
    operation = leases.claim(str(started.pk))
    assert operation is not None
    ctx = InstanceContext(operation, {})
    ctx.update_instance(server_id="first")

    Operation.objects.filter(pk=operation.pk).update(lease_token="of another worker")
    with pytest.raises(LeaseLost):
        ctx.update_instance(server_id="second")
    Operation.objects.filter(pk=operation.pk).update(lease_token=operation.lease_token, state=State.CANCELLED)
    with pytest.raises(LeaseLost):
        ctx.update_instance(server_id="third")
    assert Instance.objects.get(pk=instance.pk).server_id == "first"
