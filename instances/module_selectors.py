"""Read paths of modules."""

import uuid

from django.db.models import Count, Q, QuerySet

from dbaas.common.errors import NotFound
from instances.models import Instance, InstanceModule, Module


def module_list(*, project_id: str, is_admin: bool) -> QuerySet[Module]:
    """Those that the project may use; operators see all."""
    modules = Module.objects.select_related("datastore", "datastore_version")
    if not is_admin:
        modules = modules.filter(Q(project_id=project_id) | Q(is_for_all=True), is_visible=True)
    return modules.annotate(instance_count=Count("applied", filter=Q(applied__instance__deleted_at=None)))


def module_get(*, project_id: str, is_admin: bool, module_id: str) -> Module:
    """Raises NotFound, for what the project may not see, too."""
    try:
        key = uuid.UUID(str(module_id))
    except ValueError:
        key = None
    found = module_list(project_id=project_id, is_admin=is_admin).filter(pk=key).first() if key else None
    if found is None:
        raise NotFound(f"Module {module_id} cannot be found.")
    return found


def applied_list(*, instance: Instance) -> QuerySet[InstanceModule]:
    applied = InstanceModule.objects.filter(instance=instance)
    return applied.select_related("module__datastore", "module__datastore_version")


def instances_with(*, module: Module, project_id: str, is_admin: bool) -> QuerySet[InstanceModule]:
    """On which of the project's instances it is; operators see all."""
    rows = module.applied.select_related("instance").filter(instance__deleted_at=None)
    return rows if is_admin else rows.filter(instance__project_id=project_id)
