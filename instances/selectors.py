"""Read paths of instances. Each is a constant number of queries."""

import uuid

from django.db.models import QuerySet

from dbaas.common.errors import NotFound
from instances.models import Instance


def instance_list(*, project_id: str | None = None, include_deleted: bool = False) -> QuerySet[Instance]:
    """Instances with everything a view shows; of one project unless None is given (management)."""
    instances = Instance.objects.select_related(
        "guest", "datastore_version__datastore", "flavor", "replica_of"
    )
    instances = instances.prefetch_related("replicas")
    if project_id is not None:
        instances = instances.filter(project_id=project_id)
    if not include_deleted:
        instances = instances.filter(deleted_at=None)
    return instances


def instance_get_for_project(*, project_id: str, instance_id: str) -> Instance:
    """The project's instance. Somebody else's, a deleted one and no id at all are NotFound alike."""
    missing = NotFound(f"Instance {instance_id} cannot be found.")
    try:
        key = uuid.UUID(str(instance_id))
    except ValueError:
        raise missing from None
    instance = instance_list(project_id=project_id).filter(pk=key).first()
    if instance is None:
        raise missing
    return instance
