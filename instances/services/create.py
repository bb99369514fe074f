"""Ask for a new instance."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings

from datastores.models import ConfigurationGroup, DatastoreVersion, Flavor
from datastores.selectors import resolve_flavor, resolve_version
from dbaas.accounts import quotas
from dbaas.accounts.caller import Caller
from dbaas.common import transactions
from dbaas.common.errors import BadRequest, OverLimit
from dbaas.taskmanager.models import Operation
from dbaas.taskmanager.services import operation_start
from guestagent.engines.registry import load_spec
from guestagent.protocol.types import DatabaseSpec, UserSpec
from instances import history, keys
from instances.models import Guest, Instance
from instances.services import checks, placement
from instances.services.configuration import group_for_new_instance
from instances.services.payload import database_params, user_secrets


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceRequest:
    """What a user asks for, parsed but not yet held against what there is (contract, 1.3.4)."""

    name: str
    flavor_ref: str
    volume_size_gb: int | None
    volume_type: str | None = None
    datastore: str | None = None
    datastore_version: str | None = None
    version_number: str | None = None
    databases: Sequence[DatabaseSpec] = ()
    users: Sequence[UserSpec] = ()
    region_name: str | None = None
    availability_zone: str | None = None
    nics: Sequence[Mapping[str, str]] = ()
    access: Mapping[str, Any] = field(default_factory=dict)
    tags: Sequence[str] = ()
    is_deletion_protected: bool = False
    configuration_id: uuid.UUID | None = None


def instance_create(*, caller: Caller, request: InstanceRequest) -> tuple[Instance, Operation]:
    """Reserve quota, write the instance, and start its creation; all or nothing.

    Raises BadRequest, NotFound (version, flavor) and OverLimit (quota, volume size).
    """
    version = resolve_version(
        datastore=request.datastore, version=request.datastore_version, version_number=request.version_number
    )
    flavor = resolve_flavor(request.flavor_ref)
    size = _checked_volume_size(request.volume_size_gb)
    placement.check_size(version=version, flavor=flavor, volume_type=request.volume_type)
    _check_request(request, version)

    def write() -> tuple[Instance, Operation]:
        instance_id = uuid.uuid4()
        quotas.reserve(
            project_id=caller.project_id,
            holder=str(instance_id),
            deltas={"instances": 1, "ram": flavor.ram_mb, "volumes": size},
        )
        instance, secrets = _write_rows(
            instance_id=instance_id, caller=caller, request=request, version=version, flavor=flavor, size=size
        )
        history.note_created(instance)
        operation = operation_start(
            kind="instances.create_instance",
            project_id=caller.project_id,
            resource_id=str(instance_id),
            lane=instance.lane,
            exclusive=True,
            deadline_seconds=settings.USAGE_TIMEOUT,
            params={"databases": database_params(request.databases)},
            secrets=secrets,
            actor=caller.user_id,
        )
        return instance, operation

    return transactions.run(write)  # creates of one project meet at its quota rows


def _write_rows(
    *,
    instance_id: uuid.UUID,
    caller: Caller,
    request: InstanceRequest,
    version: DatastoreVersion,
    flavor: Flavor,
    size: int,
) -> tuple[Instance, dict[str, Any]]:
    """The instance with its guest, and the secrets its creation needs."""
    instance = Instance.objects.create(
        id=instance_id,
        project_id=caller.project_id,
        name=request.name,
        datastore_version=version,
        flavor=flavor,
        volume_size_gb=size,
        volume_type=request.volume_type or "",
        region=request.region_name or settings.REGION_NAME,
        availability_zone=request.availability_zone or "",
        nics=[dict(nic) for nic in request.nics],
        access=dict(request.access),
        tags=list(request.tags),
        is_deletion_protected=request.is_deletion_protected,
        configuration=_configuration(caller, request, version),
        created_by=caller.user_id,
    )
    new = keys.generate()
    instance.guest = Guest.objects.create(
        instance=instance, wrapped_key=keys.wrap(instance_id, new.instance_key), public_key=new.public_key
    )
    return instance, {"users": user_secrets(request.users), "signing_key": new.signing_key}


def _configuration(
    caller: Caller, request: InstanceRequest, version: DatastoreVersion
) -> ConfigurationGroup | None:
    if request.configuration_id is None:
        return None
    return group_for_new_instance(
        project_id=caller.project_id, group_id=request.configuration_id, version_id=version.pk
    )


def _checked_volume_size(size: int | None) -> int:
    if size is None:
        raise BadRequest("Volume size was not specified.")
    if size > settings.MAX_ACCEPTED_VOLUME_SIZE:
        raise OverLimit(f"A volume may have at most {settings.MAX_ACCEPTED_VOLUME_SIZE} GB.")
    return size


def _check_request(request: InstanceRequest, version: DatastoreVersion) -> None:
    spec = load_spec(version.engine)
    checks.check_database_names(spec, request.databases)
    checks.check_users(spec, request.users, {database.name for database in request.databases})
    placement.check_place(region=request.region_name, availability_zone=request.availability_zone)
    placement.refuse_reserved(nic["ip_address"] for nic in request.nics if "ip_address" in nic)
