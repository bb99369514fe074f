"""Start a change that the guest makes while the instance goes on serving."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings

from dbaas.accounts.caller import Caller
from dbaas.taskmanager.models import Operation
from dbaas.taskmanager.services import operation_start
from instances.models import Instance


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
