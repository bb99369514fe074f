"""Change what is ours alone: name, tags, deletion protection. No operation is needed."""

from collections.abc import Sequence

from django.utils import timezone

from dbaas.common.errors import NotFound
from instances import history
from instances.models import Instance


def instance_update(
    *,
    instance: Instance,
    name: str | None = None,
    tags: Sequence[str] | None = None,
    is_deletion_protected: bool | None = None,
) -> Instance:
    """None leaves a field as it is. Raises NotFound when the instance was deleted meanwhile."""
    changes: dict[str, object] = {}
    if name is not None:
        changes["name"] = name
    if tags is not None:
        changes["tags"] = list(tags)
    if is_deletion_protected is not None:
        changes["is_deletion_protected"] = is_deletion_protected
    if changes:
        found = Instance.objects.filter(pk=instance.pk, deleted_at=None)
        with history.noted(instance):
            if not found.update(**changes, updated_at=timezone.now()):
                raise NotFound(f"Instance {instance.pk} cannot be found.")
        for field, value in changes.items():
            setattr(instance, field, value)
    return instance
