"""Give an instance another flavor, or a larger volume."""

from django.conf import settings
from django.utils import timezone

from datastores.models import Flavor
from dbaas.accounts import quotas
from dbaas.taskmanager.models import Operation
from dbaas.taskmanager.workflow import Done, Fail, Outcome, Wait, register
from guestagent.protocol.commands import GrowVolume, ResizeMemory, kind_of
from instances import history
from instances.models import Instance, InstanceState
from instances.providers.base import VolumeState
from instances.workflows.base import (
    ExclusiveWorkflow,
    InstanceContext,
    instance_of,
    is_going_away,
    run_command,
    send_for_later,
    was_asked,
)
from instances.workflows.create_instance import wait_for_server
from instances.workflows.restart_instance import start_datastore
from instances.workflows.stop_instance import start_server, start_server_again, stop_server, wait_for_stop

VOLUME_SECONDS = 300.0


def resize_server(ctx: InstanceContext) -> Outcome:
    flavor = Flavor.objects.filter(pk=ctx.params["flavor"]).first()
    if flavor is None:
        return Fail("flavor_gone", f"Flavor {ctx.params['flavor']} was removed meanwhile.")
    _resize_server(ctx, flavor)
    return Done({"ram_mb": flavor.ram_mb, "vcpus": flavor.vcpus})


def resize_datastore(ctx: InstanceContext) -> Outcome:
    command = ResizeMemory(memory_mb=ctx.recorded["ram_mb"], vcpus=ctx.recorded["vcpus"])
    return run_command(ctx, command, give_up_in=settings.AGENT_CALL_HIGH_TIMEOUT)


def resize_server_back(ctx: InstanceContext) -> Outcome:
    if not is_going_away(ctx):
        _resize_server(ctx, ctx.instance.flavor)
    return Done()


def resize_datastore_back(ctx: InstanceContext) -> Outcome:
    """A guest that is silent now finds it waiting when it comes back."""
    flavor = ctx.instance.flavor
    command = ResizeMemory(memory_mb=flavor.ram_mb, vcpus=flavor.vcpus)
    if was_asked(ctx, kind_of(command)) and not is_going_away(ctx):
        return send_for_later(ctx, command)
    return Done()


def resize_volume(ctx: InstanceContext) -> Outcome:
    volume = ctx.provider.resize_volume(ctx.instance.resource_name, ctx.params["size_gb"])
    if volume.state is VolumeState.ERROR:
        return Fail("volume_failed", f"Volume {volume.name} could not be resized.")
    if volume.state is VolumeState.CREATING:
        return Wait(wake_in=2, give_up_in=VOLUME_SECONDS, reason="volume_not_ready")
    return Done({"is_stop_needed": volume.state is VolumeState.GROWS_WHEN_FREE})


def stop_server_to_grow(ctx: InstanceContext) -> Outcome:
    return stop_server(ctx) if ctx.recorded["is_stop_needed"] else Done()


def wait_for_stop_to_grow(ctx: InstanceContext) -> Outcome:
    return wait_for_stop(ctx) if ctx.recorded["is_stop_needed"] else Done()


def start_server_to_grow(ctx: InstanceContext) -> Outcome:
    return start_server(ctx) if ctx.recorded["is_stop_needed"] else Done()


def start_datastore_to_grow(ctx: InstanceContext) -> Outcome:
    return start_datastore(ctx) if ctx.recorded["is_stop_needed"] else Done()


def grow_file_system(ctx: InstanceContext) -> Outcome:
    """Where the provider gives a block device the file system is the guest's to grow."""
    return run_command(
        ctx, GrowVolume(size_gb=ctx.params["size_gb"]), give_up_in=settings.AGENT_CALL_HIGH_TIMEOUT
    )


def _resize_server(ctx: InstanceContext, flavor: Flavor) -> None:
    ctx.provider.resize_server(
        ctx.instance.resource_name, flavor_id=flavor.pk, ram_mb=flavor.ram_mb, vcpus=flavor.vcpus
    )


class _Resize(ExclusiveWorkflow):
    """What was reserved for the operation becomes the instance's, or is given back."""

    during = InstanceState.RESIZING

    def succeeded(self, operation: Operation) -> None:
        with history.noted(instance_of(operation)):
            Instance.objects.filter(pk=operation.resource_id).update(
                **self.changes(operation), updated_at=timezone.now()
            )
        quotas.commit(holder=str(operation.pk), into=operation.resource_id)
        super().succeeded(operation)

    def failed(self, operation: Operation, code: str, message: str) -> None:
        quotas.release(holder=str(operation.pk))
        super().failed(operation, code, message)

    def changes(self, operation: Operation) -> dict[str, object]:
        raise NotImplementedError


@register
class ResizeFlavor(_Resize):
    kind = "instances.resize_flavor"
    steps = (resize_server, wait_for_server, resize_datastore)
    on_failure = (resize_server_back, resize_datastore_back)

    def changes(self, operation: Operation) -> dict[str, object]:
        return {"flavor_id": operation.params["flavor"]}


@register
class ResizeVolume(_Resize):
    """Volumes do not shrink. One that grew before something failed is only larger than it must be, and is
    found grown when it is asked for again."""

    kind = "instances.resize_volume"
    steps = (
        resize_volume,
        stop_server_to_grow,
        wait_for_stop_to_grow,
        start_server_to_grow,
        wait_for_server,
        start_datastore_to_grow,
        grow_file_system,
    )
    on_failure = (start_server_again,)

    def changes(self, operation: Operation) -> dict[str, object]:
        return {"volume_size_gb": operation.params["size_gb"]}
