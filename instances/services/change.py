"""Start a change: one that the guest makes while the instance serves, or one that needs it all to itself."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.db import transaction

from dbaas.accounts.caller import Caller
from dbaas.common.errors import InstanceBusy
from dbaas.taskmanager.models import Operation
from dbaas.taskmanager.services import operation_start
from instances import state
from instances.models import Instance, InstanceState


def start_change(
    caller: Caller,
    instance: Instance,
    verb: str,
    *,
    params: Mapping[str, Any] | None = None,
    secrets: Mapping[str, Any] | None = None,
) -> Operation:
    """Changes of one instance run one after another, in the order they were asked for."""
    return operation_start(
        kind=f"instances.{verb}",
        project_id=instance.project_id,
        resource_id=str(instance.pk),
        lane=instance.lane,
        deadline_seconds=2 * settings.AGENT_CALL_HIGH_TIMEOUT,
        params=params,
        secrets=secrets,
        actor=caller.user_id,
    )


def start_exclusive(
    caller: Caller,
    instance: Instance,
    verb: str,
    *,
    during: InstanceState,
    source: InstanceState = InstanceState.ACTIVE,
    deadline_seconds: float,
    params: Mapping[str, Any] | None = None,
    secrets: Mapping[str, Any] | None = None,
) -> Operation:
    """Take the instance to the state `during` and start the one operation that may be at work meanwhile.

    Raises InstanceBusy when another is, or when the instance is in `source` no more.
    """
    with transaction.atomic():
        operation = operation_start(
            kind=f"instances.{verb}",
            project_id=instance.project_id,
            resource_id=str(instance.pk),
            lane=instance.lane,
            exclusive=True,
            deadline_seconds=deadline_seconds,
            params=params,
            secrets=secrets,
            actor=caller.user_id,
        )
        if not state.move(instance, during, sources={source}):
            raise InstanceBusy(f"Instance {instance.pk} changed meanwhile; try again.")
    return operation
