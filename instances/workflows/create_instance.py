"""Create an instance: a running, reachable database with the databases and users asked for."""

import msgspec
from django.conf import settings
from django.utils import timezone

from dbaas.accounts import quotas
from dbaas.conductor import broker
from dbaas.taskmanager.models import Operation
from dbaas.taskmanager.workflow import Done, Fail, Outcome, Wait, register
from guestagent.engines.registry import load_spec
from guestagent.protocol.commands import PrepareDatastore
from guestagent.protocol.guest_config import GuestConfig, encode_guest_config
from guestagent.protocol.secret import Secret, dec_hook
from guestagent.protocol.types import DatabaseSpec, DatastoreStatus, UserSpec
from instances import keys, state
from instances.models import Guest, InstanceState
from instances.providers.base import (
    Network,
    NetworkSpec,
    ServerSpec,
    ServerState,
    Volume,
    VolumeSpec,
    VolumeState,
)
from instances.workflows.apply_configuration import configuration_command
from instances.workflows.base import InstanceContext, InstanceWorkflow, instance_of, run_command, send_command
from instances.workflows.teardown import TEARDOWN


def create_guest_account(ctx: InstanceContext) -> Outcome:
    """The queue comes before the guest, so that a command sent to a guest not yet born is not lost."""
    broker.ensure_guest(str(ctx.instance.pk), keys.broker_password(_instance_key(ctx)))
    return Done()


def create_network(ctx: InstanceContext) -> Outcome:
    network = _ensure_network(ctx)
    addresses = [{"address": a.address, "type": a.type, "network": a.network} for a in network.addresses]
    ctx.update_instance(addresses=addresses)
    return Done()


def create_volume(ctx: InstanceContext) -> Outcome:
    volume = _ensure_volume(ctx)
    if volume.state is VolumeState.ERROR:
        return Fail("volume_failed", f"Volume {volume.name} could not be created.")
    if volume.state is VolumeState.CREATING:
        return Wait(wake_in=2, give_up_in=60, reason="volume_not_ready")
    ctx.update_instance(volume_id=volume.id)
    return Done()


def send_prepare(ctx: InstanceContext) -> Outcome:
    """Before the server is there: the guest finds its first command waiting when it comes up."""
    send_command(ctx, _prepare_command(ctx), give_up_in=settings.USAGE_TIMEOUT)
    return Done()


def create_server(ctx: InstanceContext) -> Outcome:
    volume = _ensure_volume(ctx)
    network = _ensure_network(ctx)
    flavor = ctx.instance.flavor
    version = ctx.instance.datastore_version
    server = ctx.provider.ensure_server(
        ServerSpec(
            name=ctx.instance.resource_name,
            flavor_id=flavor.pk,
            ram_mb=flavor.ram_mb,
            vcpus=flavor.vcpus,
            image_id=version.image_id or None,
            image_tags=tuple(version.image_tags),
            volume=volume,
            network=network,
            guest_config=encode_guest_config(_guest_config(ctx, volume, network)),
            availability_zone=ctx.instance.availability_zone or None,
            metadata={"instance_id": str(ctx.instance.pk), "project_id": ctx.instance.project_id},
        )
    )
    ctx.update_instance(server_id=server.id)
    return Done()


def wait_for_server(ctx: InstanceContext) -> Outcome:
    server = ctx.provider.get_server(ctx.instance.resource_name)
    if server is None:
        return Fail("server_failed", "The server disappeared while it was being built.")
    if server.state is ServerState.ERROR:
        return Fail("server_failed", server.fault or "The server could not be built.")
    if server.state is ServerState.BUILDING:
        return Wait(wake_in=1, give_up_in=settings.USAGE_TIMEOUT, reason="server_not_ready")
    return Done()


def prepare_datastore(ctx: InstanceContext) -> Outcome:
    return run_command(ctx, _prepare_command(ctx), give_up_in=settings.USAGE_TIMEOUT)


_NOT_YET = (DatastoreStatus.NEW.value, DatastoreStatus.BUILDING.value)


@register
class CreateInstance(InstanceWorkflow):
    """Give the user a running, reachable, monitored database."""

    kind = "instances.create_instance"
    steps = (
        create_guest_account,
        create_network,
        create_volume,
        send_prepare,
        create_server,
        wait_for_server,
        prepare_datastore,
    )
    on_failure = TEARDOWN

    def succeeded(self, operation: Operation) -> None:
        quotas.commit(holder=operation.resource_id)
        state.move(instance_of(operation), InstanceState.ACTIVE)
        # Its report says that the server answers; the heartbeat that says so too may still be on its way.
        Guest.objects.filter(pk=instance_of(operation).pk, datastore_status__in=_NOT_YET).update(
            datastore_status=DatastoreStatus.HEALTHY.value, last_seen_at=timezone.now()
        )

    def failed(self, operation: Operation, code: str, message: str) -> None:
        state.move(
            instance_of(operation),
            InstanceState.ERROR,
            addresses=[],
            fault_code=code,
            fault_message=message,
            fault_at=timezone.now(),
        )


def _ensure_network(ctx: InstanceContext) -> Network:
    access = ctx.instance.access
    return ctx.provider.ensure_network(
        NetworkSpec(
            name=ctx.instance.resource_name,
            tcp_ports=load_spec(ctx.instance.datastore_version.engine).tcp_ports,
            nics=ctx.instance.nics,
            is_public=bool(access.get("is_public")),
            allowed_cidrs=tuple(access.get("allowed_cidrs") or ()),
        )
    )


def _ensure_volume(ctx: InstanceContext) -> Volume:
    return ctx.provider.ensure_volume(
        VolumeSpec(
            name=ctx.instance.resource_name,
            size_gb=ctx.instance.volume_size_gb,
            type=ctx.instance.volume_type or None,
            availability_zone=ctx.instance.availability_zone or None,
        )
    )


def _prepare_command(ctx: InstanceContext) -> PrepareDatastore:
    configuration = configuration_command(ctx.instance)
    return PrepareDatastore(
        overrides=configuration.overrides,
        secret_overrides=configuration.secret_overrides,
        databases=msgspec.convert(ctx.params.get("databases", []), tuple[DatabaseSpec, ...]),
        users=msgspec.convert(ctx.secrets.get("users", []), tuple[UserSpec, ...], dec_hook=dec_hook),
    )


def _guest_config(ctx: InstanceContext, volume: Volume, network: Network) -> GuestConfig:
    instance = ctx.instance
    paths = ctx.provider.guest_paths(instance.resource_name, volume)
    instance_key = _instance_key(ctx)
    scheme = "amqps" if settings.GUEST_BROKER_TLS else "amqp"
    password = keys.broker_password(instance_key).reveal()
    vhost = settings.TRANSPORT_URL.rsplit("/", 1)[-1] if "/" in settings.TRANSPORT_URL.split("//")[-1] else ""
    return GuestConfig(
        instance_id=str(instance.pk),
        project_id=instance.project_id,
        engine=instance.datastore_version.engine,
        version=instance.datastore_version.version,
        broker_url=Secret(
            f"{scheme}://{broker.guest_user(str(instance.pk))}:{password}@{settings.GUEST_BROKER_ADDRESS}/{vhost}"
        ),
        instance_key=instance_key,
        signing_key=Secret(ctx.secrets["signing_key"]),
        control_public_key=keys.command_signing_key().public,
        listen_address=network.listen_address,
        memory_mb=instance.flavor.ram_mb,
        vcpus=instance.flavor.vcpus,
        data_path=paths.data_path,
        state_path=paths.state_path,
        run_path=paths.run_path,
        template_path=paths.template_path,
        runtime=settings.LOCAL_RUNTIME,
        database_uid=paths.database_uid,
        database_gid=paths.database_gid,
        heartbeat_seconds=settings.AGENT_HEARTBEAT_TIME,
        log_json=settings.LOG_FORMAT == "json",
        log_level=settings.LOG_LEVEL,
    )


def _instance_key(ctx: InstanceContext) -> Secret:
    return keys.unwrap(ctx.instance.pk, ctx.instance.guest.wrapped_key)
