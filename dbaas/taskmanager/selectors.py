"""Read paths of operations."""

import uuid

from django.db.models import QuerySet

from dbaas.common.errors import NotFound
from dbaas.taskmanager.models import Operation


def operation_list(
    *, project_id: str, resource_id: str | None = None, state: str | None = None
) -> QuerySet[Operation]:
    operations = Operation.objects.filter(project_id=project_id)
    if resource_id is not None:
        operations = operations.filter(resource_id=resource_id)
    if state is not None:
        operations = operations.filter(state=state)
    return operations


def operation_get_for_project(*, project_id: str, operation_id: str) -> Operation:
    """Somebody else's and no id at all are NotFound alike."""
    try:
        key = uuid.UUID(operation_id)
    except ValueError:
        key = None
    operation = key and operation_list(project_id=project_id).filter(pk=key).first()
    if not operation:
        raise NotFound(f"Operation {operation_id} cannot be found.")
    return operation
