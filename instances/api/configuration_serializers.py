"""What the API takes and shows of configuration groups (contract 1.6)."""

import math
from typing import Any, Final

from drf_spectacular.utils import extend_schema_field, extend_schema_serializer
from rest_framework import serializers

from datastores import groups
from datastores.models import ConfigurationGroup
from dbaas.common.fields import NonEmptyString, StrictSerializer, Text
from dbaas.common.schema import LinkBody
from dbaas.common.times import api_timestamp
from instances.api.serializers import DatastoreRefSerializer
from instances.models import Instance

MAX_VALUES: Final = 1000
_VALUE: Final = {"oneOf": [{"type": "boolean"}, {"type": "number"}, {"type": "string", "maxLength": 4096}]}


@extend_schema_field({"type": "object", "additionalProperties": _VALUE, "maxProperties": MAX_VALUES})
class ValuesField(serializers.Field[dict[str, Any], Any, Any, Any]):
    """Parameters by name; whether they fit, their version says."""

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        if not isinstance(data, dict):
            raise serializers.ValidationError("must be an object of parameters and their values.")
        if len(data) > MAX_VALUES:
            raise serializers.ValidationError(f"must not have more than {MAX_VALUES} parameters.")
        for name, value in data.items():
            if not isinstance(value, bool | int | float | str) or not _is_finite(value):
                raise serializers.ValidationError(f"{name[:80]}: must be true, false, a number or a string.")
        return data

    def to_representation(self, value: Any) -> Any:
        return value


def _is_finite(value: Any) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    return not isinstance(value, int) or abs(value) < 2**64


class GroupCreateSerializer(StrictSerializer):
    name = NonEmptyString()
    description = Text(required=False, allow_null=True, allow_blank=True)
    values = ValuesField()
    datastore = DatastoreRefSerializer(required=False)


class GroupCreateBody(StrictSerializer):
    configuration = GroupCreateSerializer()


class GroupReplaceSerializer(StrictSerializer):
    name = NonEmptyString(required=False)
    description = Text(required=False, allow_null=True, allow_blank=True)
    values = ValuesField(required=False)


class GroupReplaceBody(StrictSerializer):
    configuration = GroupReplaceSerializer()


class GroupMergeSerializer(StrictSerializer):
    values = ValuesField()


class GroupMergeBody(StrictSerializer):
    configuration = GroupMergeSerializer()


def brief(group: ConfigurationGroup) -> dict[str, Any]:
    version = group.datastore_version
    return {
        "id": str(group.pk),
        "name": group.name,
        "description": group.description,
        "created": api_timestamp(group.created_at),
        "updated": api_timestamp(group.updated_at),
        "datastore_version_id": str(version.pk),
        "datastore_name": version.datastore.name,
        "datastore_version_name": version.name,
        "datastore_version_number": version.version,
    }


def detail(group: ConfigurationGroup, users: list[Instance] | None = None) -> dict[str, Any]:
    """With its values and, from the instances that use it, how far those have reached."""
    users = users or []
    return {
        **brief(group),
        "values": groups.shown_values(group),
        "instance_count": len(users),
        "pending_instances": [
            _named(instance) for instance in users if instance.configuration_operation_id is not None
        ],
        "failed_instances": [
            {**_named(instance), **instance.configuration_fault}
            for instance in users
            if instance.configuration_fault is not None
        ],
    }


def _named(instance: Instance) -> dict[str, str]:
    return {"id": str(instance.pk), "name": instance.name}


# The same for the OpenAPI document.


class GroupBriefSchema(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    name = serializers.CharField()
    description = serializers.CharField(allow_blank=True)
    created = serializers.CharField()
    updated = serializers.CharField()
    datastore_version_id = serializers.UUIDField()
    datastore_name = serializers.CharField()
    datastore_version_name = serializers.CharField()
    datastore_version_number = serializers.CharField()


class NamedInstanceSchema(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    name = serializers.CharField()


class FailedInstanceSchema(NamedInstanceSchema):
    code = serializers.CharField()
    message = serializers.CharField()
    operation_id = serializers.UUIDField()
    time = serializers.CharField()


class GroupDetailSchema(GroupBriefSchema):
    values = ValuesField()
    instance_count = serializers.IntegerField()
    pending_instances = NamedInstanceSchema(many=True)
    failed_instances = FailedInstanceSchema(many=True)


class GroupEnvelopeSchema(serializers.Serializer[Any]):
    configuration = GroupDetailSchema()


@extend_schema_serializer(many=False)
class GroupListSchema(serializers.Serializer[Any]):
    configurations = GroupBriefSchema(many=True)
    links = LinkBody(many=True, required=False)


@extend_schema_serializer(many=False)
class GroupInstancesSchema(serializers.Serializer[Any]):
    instances = NamedInstanceSchema(many=True)
    links = LinkBody(many=True, required=False)
