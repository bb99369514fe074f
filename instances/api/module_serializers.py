"""Modules as the API takes and shows them (contract 1.10)."""

from typing import Any, Final

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request

from dbaas.common.fields import (
    BooleanString,
    LenientInteger,
    NonEmptyString,
    SecretText,
    StrictSerializer,
    Text,
    UuidString,
)
from dbaas.common.times import api_timestamp
from instances.api.serializers import DatastoreRefSerializer, list_of
from instances.models import InstanceModule, Module

MAX_CONTENTS: Final = 16384
_FLAGS: Final = {"all_tenants": "is_for_all", "visible": "is_visible"}


@extend_schema_field({"type": "string", "minLength": 1, "maxLength": MAX_CONTENTS, "format": "byte"})
class ContentsText(SecretText):
    max_length = MAX_CONTENTS


class ModuleChangeSerializer(StrictSerializer):
    name = NonEmptyString(required=False)
    type = NonEmptyString(required=False)
    contents = ContentsText(required=False)
    description = Text(required=False, allow_blank=True)
    datastore = DatastoreRefSerializer(required=False)
    all_tenants = BooleanString(required=False)
    visible = BooleanString(required=False)
    live_update = BooleanString(required=False)
    auto_apply = BooleanString(required=False)
    priority_apply = BooleanString(required=False)
    full_access = BooleanString(required=False, help_text="Taken for compatibility.")
    apply_order = LenientInteger(min_value=0, max_value=9, required=False)
    all_datastores = BooleanString(required=False)
    all_datastore_versions = BooleanString(required=False)


class ModuleCreateSerializer(ModuleChangeSerializer):
    name = NonEmptyString()
    module_type = NonEmptyString()
    contents = ContentsText()

    def get_fields(self) -> dict[str, Any]:
        fields = super().get_fields()
        for name in ("type", "all_datastores", "all_datastore_versions"):
            del fields[name]
        return fields


class ModuleCreateBody(serializers.Serializer[Any]):
    module = ModuleCreateSerializer()


class ModuleChangeBody(serializers.Serializer[Any]):
    module = ModuleChangeSerializer()


class ModuleRefSerializer(serializers.Serializer[Any]):
    id = UuidString()


class ModulesBody(serializers.Serializer[Any]):
    modules = list_of(ModuleRefSerializer(), allow_empty=False)


def attributes(given: dict[str, Any]) -> dict[str, Any]:
    """The API's flags by the model's names."""
    given.pop("full_access", None)
    return {_FLAGS.get(name, name): value for name, value in given.items()}


def shown(request: Request, module: Module) -> dict[str, Any]:
    version, datastore = module.datastore_version, module.datastore
    body: dict[str, Any] = {
        "id": str(module.pk),
        "name": module.name,
        "type": module.type,
        "description": module.description,
        "datastore_id": str(datastore.pk) if datastore else None,
        "datastore": datastore.name if datastore else "all",
        "datastore_version_id": str(version.pk) if version else None,
        "datastore_version": version.name if version else "all",
        "auto_apply": int(module.auto_apply),
        "priority_apply": int(module.priority_apply),
        "apply_order": module.apply_order,
        "is_admin": int(module.is_admin),
        "md5": module.md5,
        "visible": int(module.is_visible),
        "live_update": int(module.live_update),
        "created": api_timestamp(module.created_at),
        "updated": api_timestamp(module.updated_at),
    }
    if module.is_for_all:
        return body | {"tenant_id": None, "tenant": "all"}
    return body | {"tenant_id": module.project_id, "tenant": module.project_id}


def applied(request: Request, row: InstanceModule) -> dict[str, Any]:
    """A module as the instance has it; `md5` is what it got, `current_md5` what it would get now."""
    return shown(request, row.module) | {
        "md5": row.md5,
        "current_md5": row.module.md5,
        "status": row.status,
        "message": row.message,
        "created": api_timestamp(row.created_at),
        "updated": api_timestamp(row.updated_at),
    }


class ModuleSchema(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    name = serializers.CharField()
    type = serializers.CharField()
    description = serializers.CharField(allow_blank=True)
    tenant_id = serializers.CharField(allow_null=True)
    tenant = serializers.CharField()
    datastore_id = serializers.UUIDField(allow_null=True)
    datastore = serializers.CharField()
    datastore_version_id = serializers.UUIDField(allow_null=True)
    datastore_version = serializers.CharField()
    auto_apply = serializers.IntegerField()
    priority_apply = serializers.IntegerField()
    apply_order = serializers.IntegerField()
    is_admin = serializers.IntegerField()
    md5 = serializers.CharField()
    visible = serializers.IntegerField()
    live_update = serializers.IntegerField()
    created = serializers.CharField()
    updated = serializers.CharField()
    instance_count = serializers.IntegerField(required=False)


class AppliedModuleSchema(ModuleSchema):
    current_md5 = serializers.CharField()
    status = serializers.ChoiceField(choices=InstanceModule.Status.choices)
    message = serializers.CharField(allow_blank=True)
