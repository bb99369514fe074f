"""Read paths of instances. Each is a constant number of queries."""

import json
import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import F, Func, IntegerField, Prefetch, Q, QuerySet, Value

from datastores.models import ConfigurationGroup, ConfigurationParameter
from dbaas.common.errors import NotFound
from guestagent.engines.registry import load_spec
from instances.models import Instance, InstanceState


def instance_list(*, project_id: str | None = None, include_deleted: bool = False) -> QuerySet[Instance]:
    """Instances with everything a view shows; of one project unless None is given (management)."""
    replicas = Instance.objects.only("replica_of", "deleted_at")  # of them only the ids are shown
    instances = Instance.objects.select_related("guest", "datastore_version__datastore", "configuration")
    instances = instances.prefetch_related(Prefetch("replicas", replicas))
    if project_id is not None:
        instances = instances.filter(project_id=project_id)
    if not include_deleted:
        instances = instances.filter(deleted_at=None)
    return instances


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceFilter:
    """What a list is narrowed to; None leaves it as it is."""

    name: str | None = None  # a part of it, in any case
    states: Collection[InstanceState] | None = None
    datastore: str | None = None  # name or id
    tag: str | None = None
    changed_since: datetime | None = None


def instance_filtered(instances: QuerySet[Instance], wanted: InstanceFilter) -> QuerySet[Instance]:
    if wanted.name is not None:
        instances = instances.filter(name__icontains=wanted.name)
    if wanted.states is not None:
        instances = instances.filter(state__in=wanted.states)
    if wanted.datastore is not None:
        owner = "datastore_version__datastore"
        key = _as_uuid(wanted.datastore)
        named = Q(**{f"{owner}__name": wanted.datastore})
        instances = instances.filter(named | Q(**{owner: key}) if key else named)
    if wanted.tag is not None:
        # As the database keeps it: escaped to ASCII, or (jsonb) not.
        written = {json.dumps(wanted.tag), json.dumps(wanted.tag, ensure_ascii=False)}
        found = Q()
        for index, text in enumerate(sorted(written)):
            instances = instances.alias(**{f"tag_at_{index}": _PositionIn(F("tags"), Value(text))})
            found |= Q(**{f"tag_at_{index}__gt": 0})
        instances = instances.filter(found)
    if wanted.changed_since is not None:
        instances = instances.filter(updated_at__gte=wanted.changed_since)
    return instances


class _PositionIn(Func):
    """Where a text is in a JSON column's text, 0 for nowhere; in its own case, as LIKE is not.

    A JSON string within quotes is found nowhere but as a whole item: quotes inside of items are escaped.
    """

    function = "INSTR"
    output_field = IntegerField()

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(compiler, connection, template="STRPOS(%(expressions)s)", arg_joiner="::text, ")


def instance_get_for_project(*, project_id: str, instance_id: str) -> Instance:
    """The project's instance. Somebody else's, a deleted one and no id at all are NotFound alike."""
    return _instance_get(instance_list(project_id=project_id), instance_id)


def instance_get_any(*, instance_id: str, include_deleted: bool = False) -> Instance:
    """Whosever it is: for operators. Raises NotFound."""
    return _instance_get(instance_list(include_deleted=include_deleted), instance_id)


def _instance_get(instances: QuerySet[Instance], instance_id: str) -> Instance:
    key = _as_uuid(instance_id)
    instance = instances.filter(pk=key).first() if key else None
    if instance is None:
        raise NotFound(f"Instance {instance_id} cannot be found.")
    return instance


def _as_uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(str(text))
    except ValueError:
        return None


# configuration groups


def group_list(*, project_id: str) -> QuerySet[ConfigurationGroup]:
    groups = ConfigurationGroup.objects.select_related("datastore_version__datastore")
    return groups.filter(project_id=project_id)


def group_get(*, project_id: str, ref: str) -> ConfigurationGroup:
    """The project's group. Somebody else's and no id at all are NotFound alike."""
    key = _as_uuid(ref)
    group = group_list(project_id=project_id).filter(pk=key).first() if key else None
    if group is None:
        raise NotFound(f"Configuration group {ref[:80]} cannot be found.")
    return group


def group_users(group: ConfigurationGroup) -> QuerySet[Instance]:
    return Instance.objects.filter(configuration=group, deleted_at=None)


def configuration_defaults(*, instance: Instance) -> dict[str, Any]:
    """By parameter, what the server uses unless a group says otherwise: its own default, or, of what is
    sized by the flavor, that."""
    version = instance.datastore_version
    defaults = {
        parameter.name: _typed(parameter)
        for parameter in version.parameters.order_by("name")
        if parameter.default_value
    }
    return {**defaults, **load_spec(version.engine).sized(instance.flavor.ram_mb)}


def _typed(parameter: ConfigurationParameter) -> Any:
    text, kind = parameter.default_value, parameter.data_type
    try:
        if kind == ConfigurationParameter.DataType.INTEGER:
            return int(text)
        if kind == ConfigurationParameter.DataType.FLOAT:
            return float(text)
    except ValueError:
        return text
    return text == "true" if kind == ConfigurationParameter.DataType.BOOLEAN else text
