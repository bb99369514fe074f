"""How operators see instances (contract 1.8): what their owners see, and what is behind it."""

from typing import Any

from drf_spectacular.utils import extend_schema_serializer, inline_serializer
from rest_framework import serializers
from rest_framework.request import Request

from dbaas.common.schema import LinkBody
from dbaas.common.times import api_timestamp
from guestagent.protocol.types import Diagnostics, Hardware, ProcessVitals
from instances.api import rendering
from instances.models import Instance, InstanceState, RootHistory
from instances.state import datastore_status

_TASKS = {
    InstanceState.ACTIVE: "No tasks for the instance.",
    InstanceState.DELETED: "No tasks for the instance.",
    InstanceState.ERROR: "The last task failed.",
    InstanceState.BUILDING: "The instance is building.",
    InstanceState.DELETING: "Deleting the instance.",
}
_GB = 1024**3


def listed(request: Request, instance: Instance) -> dict[str, Any]:
    shown = rendering.detail(request, instance)
    status = shown["status"]
    state = InstanceState(instance.state)
    return shown | {
        "tenant_id": instance.project_id,
        "service_status": datastore_status(instance).value,
        "task_description": _TASKS.get(state, f"The instance is {state.value}."),
        "deleted": instance.deleted_at is not None,
        "deleted_at": api_timestamp(instance.deleted_at),
        "server": _server(instance, status),
    }


def _server(instance: Instance, status: str) -> dict[str, Any] | None:
    """What the rows know of it: a list must not ask the provider once for each."""
    if not instance.server_id:
        return None
    return {
        "id": instance.server_id,
        "name": instance.resource_name,
        "status": status,
        "tenant_id": instance.project_id,
        "deleted": instance.deleted_at is not None,
        "addresses": instance.addresses,
    }


def shown(request: Request, instance: Instance, root: RootHistory | None) -> dict[str, Any]:
    """One instance; `root` is the newest entry of its history."""
    guest = instance.guest
    used, total = guest.volume_used_bytes, guest.volume_total_bytes
    volume = {
        "id": instance.volume_id or None,
        "size": instance.volume_size_gb,
        "status": "in-use" if instance.volume_id and instance.deleted_at is None else None,
        "availability_zone": instance.availability_zone or None,
        "created_at": api_timestamp(instance.created_at),
        "attachments": [instance.server_id] if instance.volume_id and instance.server_id else [],
        "used": round(used / _GB, 2) if used is not None else None,
        "total": round(total / _GB, 2) if total is not None else float(instance.volume_size_gb),
    }
    return listed(request, instance) | {
        "root_enabled": api_timestamp(root.enabled_at) if root else None,
        "root_enabled_by": root.enabled_by if root else None,
        "volume": volume,
        "guest_status": {"state_description": guest.datastore_status},
        "agent_version": guest.agent_version or None,
        "engine_version": guest.engine_version or None,
    }


def root_history(instance: Instance, root: RootHistory | None) -> dict[str, Any]:
    return {
        "id": str(instance.pk),
        "enabled": api_timestamp(root.enabled_at) if root else "Never",
        "user": root.enabled_by if root else "Nobody",
    }


def hwinfo(hardware: Hardware) -> dict[str, Any]:
    """Trove's two keys first; memory in MB, as flavors have it."""
    return {
        "mem_total": hardware.memory_mb,
        "num_cpus": hardware.vcpus,
        "machine_mem_total": hardware.machine_memory_mb,
        "machine_num_cpus": hardware.machine_cpus,
        "load_average": list(hardware.load_average),
        "uptime_seconds": hardware.uptime_seconds,
        "architecture": hardware.architecture,
        "kernel": hardware.kernel,
    }


def diagnostics(found: Diagnostics) -> dict[str, Any]:
    """Trove's keys are the agent's own process; the database server's are below `server`."""
    return {
        "version": found.agent_version,
        **_vitals(found.agent),
        "server": {"version": found.engine_version, **_vitals(found.server)} if found.server else None,
    }


def _vitals(process: ProcessVitals | None) -> dict[str, Any]:
    if process is None:
        return {}
    return {
        "pid": process.pid,
        "threads": process.threads,
        "fd_size": process.fd_size,
        "fd_used": process.open_files,
        "vm_size": process.vm_size_kb,
        "vm_peak": process.vm_peak_kb,
        "vm_rss": process.vm_rss_kb,
        "vm_hwm": process.vm_hwm_kb,
    }


# The same for the OpenAPI document.

_server_schema: dict[str, Any] = {
    "id": serializers.CharField(),
    "name": serializers.CharField(),
    "status": serializers.CharField(),
    "tenant_id": serializers.CharField(),
    "deleted": serializers.BooleanField(),
    "addresses": serializers.ListField(child=serializers.DictField()),
}
_volume_schema: dict[str, Any] = {
    "id": serializers.CharField(allow_null=True),
    "size": serializers.IntegerField(),
    "status": serializers.CharField(allow_null=True),
    "availability_zone": serializers.CharField(allow_null=True),
    "created_at": serializers.CharField(),
    "attachments": serializers.ListField(child=serializers.CharField()),
    "used": serializers.FloatField(allow_null=True),
    "total": serializers.FloatField(),
}
_root_schema: dict[str, Any] = {
    "id": serializers.UUIDField(),
    "enabled": serializers.CharField(help_text="When; or Never."),
    "user": serializers.CharField(help_text="Id; or Nobody."),
}
_hwinfo_schema: dict[str, Any] = {
    "mem_total": serializers.IntegerField(help_text="MB that the instance has."),
    "num_cpus": serializers.IntegerField(help_text="That the instance has."),
    "machine_mem_total": serializers.IntegerField(help_text="MB of what it runs on."),
    "machine_num_cpus": serializers.IntegerField(),
    "load_average": serializers.ListField(child=serializers.FloatField()),
    "uptime_seconds": serializers.FloatField(),
    "architecture": serializers.CharField(),
    "kernel": serializers.CharField(),
}
_vitals_schema: dict[str, Any] = {
    "version": serializers.CharField(allow_null=True),
    "pid": serializers.IntegerField(required=False),
    "threads": serializers.IntegerField(required=False),
    "fd_size": serializers.IntegerField(required=False),
    "fd_used": serializers.IntegerField(required=False, allow_null=True),
    "vm_size": serializers.IntegerField(required=False, help_text="KiB, as all that follow."),
    "vm_peak": serializers.IntegerField(required=False),
    "vm_rss": serializers.IntegerField(required=False),
    "vm_hwm": serializers.IntegerField(required=False),
}
_diagnostics_schema: dict[str, Any] = {
    **_vitals_schema,
    "server": inline_serializer("ServerVitals", _vitals_schema, allow_null=True),
}


class ManagedInstanceBriefSchema(rendering.InstanceDetailSchema):
    service_status = serializers.CharField()
    task_description = serializers.CharField()
    deleted = serializers.BooleanField()
    deleted_at = serializers.CharField(allow_null=True)
    server = inline_serializer("ManagedServer", _server_schema, allow_null=True)


class ManagedInstanceSchema(ManagedInstanceBriefSchema):
    root_enabled = serializers.CharField(allow_null=True)
    root_enabled_by = serializers.CharField(allow_null=True)
    volume = inline_serializer("ManagedVolume", _volume_schema)
    guest_status = serializers.DictField()
    agent_version = serializers.CharField(allow_null=True)
    engine_version = serializers.CharField(allow_null=True)


@extend_schema_serializer(many=False)
class ManagedInstanceListSchema(serializers.Serializer[Any]):
    instances = ManagedInstanceBriefSchema(many=True)
    links = LinkBody(many=True, required=False)


class ManagedInstanceEnvelopeSchema(serializers.Serializer[Any]):
    instance = ManagedInstanceSchema()


RootHistorySchema = inline_serializer(
    "RootHistoryEnvelope", {"root_history": inline_serializer("RootHistory", _root_schema)}
)
HwInfoSchema = inline_serializer("HwInfoEnvelope", {"hwinfo": inline_serializer("HwInfo", _hwinfo_schema)})
DiagnosticsSchema = inline_serializer(
    "DiagnosticsEnvelope", {"diagnostics": inline_serializer("Diagnostics", _diagnostics_schema)}
)
