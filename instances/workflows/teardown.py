"""Steps that remove what an instance is made of. Each finds things by name, and missing is success."""

from dbaas.accounts import quotas
from dbaas.conductor import broker
from dbaas.taskmanager.workflow import Done, Outcome, Wait
from instances.workflows.base import InstanceContext

REMOVAL_SECONDS = 120.0


def _until(gone: bool, what: str) -> Outcome:
    if gone:
        return Done()
    return Wait(wake_in=0.5, give_up_in=REMOVAL_SECONDS, reason=f"{what}_not_removed")


def delete_server(ctx: InstanceContext) -> Outcome:
    return _until(ctx.provider.delete_server(ctx.instance.resource_name), "server")


def delete_network(ctx: InstanceContext) -> Outcome:
    return _until(ctx.provider.delete_network(ctx.instance.resource_name), "network")


def delete_volume(ctx: InstanceContext) -> Outcome:
    return _until(ctx.provider.delete_volume(ctx.instance.resource_name), "volume")


def delete_guest_account(ctx: InstanceContext) -> Outcome:
    broker.delete_guest(str(ctx.instance.pk))
    return Done()


def release_quota(ctx: InstanceContext) -> Outcome:
    quotas.release(holder=str(ctx.instance.pk))
    return Done()


#: In this order: the server uses the volume, the network and the account.
TEARDOWN = (delete_server, delete_guest_account, delete_volume, delete_network, release_quota)
