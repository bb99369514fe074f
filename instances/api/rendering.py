"""How the API shows instances (contract 1.3.2, 1.3.3). Everything comes from rows that are loaded already."""

from typing import Any, cast

from drf_spectacular.utils import extend_schema_serializer, inline_serializer
from rest_framework import serializers
from rest_framework.request import Request

from dbaas.accounts.caller import Caller
from dbaas.common.links import resource_links
from dbaas.common.schema import LinkBody
from dbaas.common.times import api_timestamp
from instances.models import Instance
from instances.state import visible_status

_GB = 1024**3


def brief(request: Request, instance: Instance) -> dict[str, Any]:
    """An instance as a list shows it."""
    status, operating_status = visible_status(instance)
    version = instance.datastore_version
    shown: dict[str, Any] = {
        "id": str(instance.pk),
        "name": instance.name,
        "status": status,
        "operating_status": operating_status,
        "links": _links(request, "instances", str(instance.pk)),
        "flavor": {"id": instance.flavor_id, "links": _links(request, "flavors", instance.flavor_id)},
        "datastore": {"type": version.datastore.name, "version": version.name},
        "region": instance.region or None,
        "access": _access(instance),
        "volume": {"size": instance.volume_size_gb},
        "tags": instance.tags,
        "deletion_protected": instance.is_deletion_protected,
        **_addresses(instance),
        **_replication(request, instance),
    }
    if _caller(request).is_admin:
        shown["tenant_id"] = instance.project_id
    return shown


def detail(request: Request, instance: Instance, *, with_use: bool = False) -> dict[str, Any]:
    """An instance with everything; `with_use` adds what its volume holds, as the last heartbeat said."""
    shown = brief(request, instance)
    guest = instance.guest
    shown["datastore"]["version_number"] = instance.datastore_version.version
    shown["created"] = api_timestamp(instance.created_at)
    shown["updated"] = api_timestamp(instance.updated_at)
    shown["service_status_updated"] = api_timestamp(guest.last_seen_at or guest.status_at)
    if instance.availability_zone:
        shown["availability_zone"] = instance.availability_zone
    if (group := instance.configuration) is not None:
        links = _links(request, "configurations", str(group.pk))
        shown["configuration"] = {"id": str(group.pk), "name": group.name, "links": links}
    if instance.fault_message:
        shown["fault"] = {
            "message": instance.fault_message,
            "created": api_timestamp(instance.fault_at),
            "details": instance.fault_code if _caller(request).is_admin else None,
        }
    if with_use and guest.volume_used_bytes is not None:
        shown["volume"] |= _volume_use(guest.volume_used_bytes, guest.volume_total_bytes)
    if _caller(request).is_admin:
        shown |= {
            "server_id": instance.server_id or None,
            "volume_id": instance.volume_id or None,
            "encrypted_rpc_messaging": True,
        }
    return shown


def _caller(request: Request) -> Caller:
    return cast("Caller", request.user)


def _links(request: Request, collection: str, key: str) -> list[dict[str, str]]:
    return resource_links(request, _caller(request).project_id, collection, key)


def _access(instance: Instance) -> dict[str, Any]:
    if instance.access or not instance.addresses:
        return instance.access
    return {"is_public": any(address.get("type") == "public" for address in instance.addresses)}


def _addresses(instance: Instance) -> dict[str, Any]:
    if not instance.addresses:
        return {}
    return {
        "ip": [address["address"] for address in instance.addresses],
        "addresses": instance.addresses,
    }


def _replication(request: Request, instance: Instance) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    if instance.replica_of_id:
        source = str(instance.replica_of_id)
        shown["replica_of"] = {"id": source, "links": _links(request, "instances", source)}
    replicas = [str(replica.pk) for replica in instance.replicas.all() if replica.deleted_at is None]
    if replicas:
        shown["replicas"] = [{"id": key, "links": _links(request, "instances", key)} for key in replicas]
    return shown


def _volume_use(used: int, total: int | None) -> dict[str, float]:
    shown = {"used": round(used / _GB, 2)}
    if total:
        shown["used_percent"] = round(100 * used / total, 2)
    return shown


# The same for the OpenAPI document.


class ReferenceSchema(serializers.Serializer[Any]):
    id = serializers.CharField()
    links = LinkBody(many=True)


class NamedReferenceSchema(ReferenceSchema):
    name = serializers.CharField()


_address: dict[str, Any] = {
    "address": serializers.CharField(),
    "type": serializers.ChoiceField(choices=["private", "public"]),
    "network": serializers.CharField(required=False),
}
_access_schema: dict[str, Any] = {
    "is_public": serializers.BooleanField(required=False),
    "allowed_cidrs": serializers.ListField(child=serializers.CharField(), required=False),
}
_datastore: dict[str, Any] = {
    "type": serializers.CharField(allow_null=True),
    "version": serializers.CharField(allow_null=True),
    "version_number": serializers.CharField(required=False),
}
_volume: dict[str, Any] = {
    "size": serializers.IntegerField(),
    "used": serializers.FloatField(required=False),
    "used_percent": serializers.FloatField(required=False),
}
_fault: dict[str, Any] = {
    "message": serializers.CharField(),
    "created": serializers.CharField(allow_null=True),
    "details": serializers.CharField(allow_null=True),
}


class InstanceBriefSchema(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    name = serializers.CharField()
    status = serializers.CharField()
    operating_status = serializers.CharField(allow_blank=True)
    links = LinkBody(many=True)
    flavor = ReferenceSchema()
    datastore = inline_serializer("InstanceDatastore", _datastore)
    region = serializers.CharField(allow_null=True)
    access = inline_serializer("InstanceAccess", _access_schema)
    volume = inline_serializer("InstanceVolume", _volume)
    tags = serializers.ListField(child=serializers.CharField())
    deletion_protected = serializers.BooleanField()
    ip = serializers.ListField(child=serializers.CharField(), required=False)
    addresses = inline_serializer("InstanceAddress", _address, many=True, required=False)
    replica_of = ReferenceSchema(required=False)
    replicas = ReferenceSchema(many=True, required=False)
    tenant_id = serializers.CharField(required=False)


class InstanceDetailSchema(InstanceBriefSchema):
    created = serializers.CharField()
    updated = serializers.CharField()
    service_status_updated = serializers.CharField(allow_null=True)
    availability_zone = serializers.CharField(required=False)
    configuration = NamedReferenceSchema(required=False)
    fault = inline_serializer("InstanceFault", _fault, required=False)
    server_id = serializers.CharField(required=False, allow_null=True)
    volume_id = serializers.CharField(required=False, allow_null=True)
    encrypted_rpc_messaging = serializers.BooleanField(required=False)


@extend_schema_serializer(many=False)
class InstanceListSchema(serializers.Serializer[Any]):
    instances = InstanceBriefSchema(many=True)
    links = LinkBody(many=True, required=False)


@extend_schema_serializer(many=False)
class InstanceDetailListSchema(serializers.Serializer[Any]):
    instances = InstanceDetailSchema(many=True)
    links = LinkBody(many=True, required=False)


class InstanceSchema(serializers.Serializer[Any]):
    instance = InstanceDetailSchema()


class NameSchema(serializers.Serializer[Any]):
    name = serializers.CharField()


class UserSchema(serializers.Serializer[Any]):
    name = serializers.CharField()
    host = serializers.CharField()
    databases = NameSchema(many=True)


@extend_schema_serializer(many=False)
class DatabaseListSchema(serializers.Serializer[Any]):
    databases = NameSchema(many=True)
    links = LinkBody(many=True, required=False)


@extend_schema_serializer(many=False)
class UserListSchema(serializers.Serializer[Any]):
    users = UserSchema(many=True)
    links = LinkBody(many=True, required=False)


class UserEnvelopeSchema(serializers.Serializer[Any]):
    user = UserSchema()


class RootStateSchema(serializers.Serializer[Any]):
    rootEnabled = serializers.BooleanField()


_root_user: dict[str, Any] = {"name": serializers.CharField(), "password": serializers.CharField()}


class RootUserSchema(serializers.Serializer[Any]):
    user = inline_serializer("RootUser", _root_user)
