"""Configuration groups and the instances that use them, which changes reach as operations, one for each."""

import uuid
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from datastores import groups
from datastores.models import ConfigurationGroup
from datastores.selectors import resolve_version
from dbaas.accounts.caller import Caller
from dbaas.common.errors import BadRequest, InstanceBusy
from dbaas.taskmanager.models import Operation
from dbaas.taskmanager.services import operation_start
from instances.models import Instance, InstanceState
from instances.services import checks

#: Instances that will never again run the configuration of a group.
_LOST = (InstanceState.ERROR, InstanceState.DELETING, InstanceState.DELETED)


def group_create(
    *,
    caller: Caller,
    name: str,
    description: str,
    values: Mapping[str, Any],
    datastore: str | None = None,
    version: str | None = None,
    version_number: str | None = None,
) -> ConfigurationGroup:
    """Raises BadRequest or NotFound for the version (an inactive one will do), Unprocessable for values."""
    found = resolve_version(
        datastore=datastore, version=version, version_number=version_number, include_inactive=True
    )
    return groups.group_create(
        project_id=caller.project_id,
        actor=caller.user_id,
        name=name,
        description=description,
        version=found,
        values=values,
    )


@transaction.atomic
def group_change(
    *,
    caller: Caller,
    group_id: uuid.UUID,
    name: str | None = None,
    description: str | None = None,
    values: Mapping[str, Any] | None = None,
    is_merge: bool = False,
) -> list[Operation]:
    """Change a group, and start to apply its values to each instance that uses it.

    None leaves things as they are; giving the values that are there already tries again where they failed.
    """
    group = groups.group_lock(project_id=caller.project_id, group_id=group_id)
    groups.group_write(group, name=name, description=description, values=values, is_merge=is_merge)
    if values is None:
        return []
    users = Instance.objects.filter(configuration=group, deleted_at=None).exclude(state__in=_LOST)
    return [_start(caller, instance, params={}) for instance in users.order_by("pk")]


@transaction.atomic
def group_delete(*, caller: Caller, group_id: uuid.UUID) -> None:
    """Raises BadRequest while an instance uses it."""
    group = groups.group_lock(project_id=caller.project_id, group_id=group_id)
    if group.instances.exists():
        raise BadRequest(f"Configuration group {group_id} is attached to instances: detach it first.")
    groups.group_note(group, "deleted", before=groups.group_facts(group))
    group.delete()


def group_for_new_instance(
    *, project_id: str, group_id: uuid.UUID, version_id: uuid.UUID
) -> ConfigurationGroup:
    """The group, held for the caller's transaction. Raises NotFound, and BadRequest for another version's."""
    group = groups.group_lock(project_id=project_id, group_id=group_id)
    if group.datastore_version_id != version_id:
        raise BadRequest(
            f"Configuration group {group_id} is for another datastore version than the instance's."
        )
    return group


@transaction.atomic
def configuration_attach(*, caller: Caller, instance: Instance, group_id: uuid.UUID) -> Operation:
    """Have the instance use the group. Should its server refuse a value, it is detached again.

    Raises NotFound, BadRequest (another version's group, another group attached), Unprocessable (not ready).
    """
    group = group_for_new_instance(
        project_id=instance.project_id, group_id=group_id, version_id=instance.datastore_version_id
    )
    checks.require_serving(instance)
    free = Instance.objects.filter(pk=instance.pk, state=InstanceState.ACTIVE, configuration=None)
    if not free.update(configuration=group, updated_at=timezone.now()):
        _raise_for_attached(instance)
    return _start(caller, instance, params={"restore": None})


@transaction.atomic
def configuration_detach(*, caller: Caller, instance: Instance) -> Operation | None:
    """Have the instance use its defaults again; None when it uses no group. Should that fail, it stays."""
    if instance.configuration_id is None:
        return None
    checks.require_serving(instance)
    before = instance.configuration_id
    attached = Instance.objects.filter(pk=instance.pk, state=InstanceState.ACTIVE, configuration=before)
    if not attached.update(configuration=None, updated_at=timezone.now()):
        raise InstanceBusy(f"Instance {instance.pk} changed meanwhile; try again.")
    return _start(caller, instance, params={"restore": str(before)})


def _start(caller: Caller, instance: Instance, *, params: Mapping[str, Any]) -> Operation:
    """`params` may say what to `restore` as the instance's group should it fail."""
    patience = 0 if instance.state == InstanceState.ACTIVE else settings.USAGE_TIMEOUT
    operation = operation_start(
        kind="instances.apply_configuration",
        project_id=instance.project_id,
        resource_id=str(instance.pk),
        lane=instance.lane,
        wait_turn=True,
        deadline_seconds=patience + 3 * settings.AGENT_CALL_HIGH_TIMEOUT,
        params=params,
        actor=caller.user_id,
    )
    Instance.objects.filter(pk=instance.pk).update(configuration_operation_id=operation.pk)
    return operation


def _raise_for_attached(instance: Instance) -> None:
    current = Instance.objects.filter(pk=instance.pk).values_list("configuration_id", flat=True).first()
    if current is not None:
        raise BadRequest(f"Instance {instance.pk} has configuration group {current}: detach that first.")
    raise InstanceBusy(f"Instance {instance.pk} changed meanwhile; try again.")
