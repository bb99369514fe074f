"""Give an instance a new server around the same volume, or another host."""

from django.conf import settings

from dbaas.accounts.caller import Caller
from dbaas.common.errors import NotImplementedHere, Unprocessable
from dbaas.taskmanager.models import Operation
from instances import keys
from instances.models import Instance, InstanceState
from instances.services.change import start_exclusive
from instances.services.checks import require_state


def instance_rebuild(*, caller: Caller, instance: Instance, image_id: str | None = None) -> Operation:
    """A new server with new keys; addresses and data stay. `image_id` means nothing where servers have none.

    Raises Unprocessable when it is not ACTIVE; what its database says does not matter: this is the cure.
    """
    require_state(instance, InstanceState.ACTIVE)
    new = keys.generate()
    return start_exclusive(
        caller,
        instance,
        "rebuild_instance",
        during=InstanceState.REBUILDING,
        deadline_seconds=settings.USAGE_TIMEOUT,
        params={"image_id": image_id, "public_key": new.public_key},
        secrets={"signing_key": new.signing_key},
    )


def instance_migrate(*, caller: Caller, instance: Instance, host: str | None = None) -> Operation:
    """Always raises as yet: Unprocessable where there is one host, NotImplementedHere elsewhere."""
    require_state(instance, InstanceState.ACTIVE)
    if settings.PROVIDER == "local":
        raise Unprocessable("All servers of this service are on one host: there is none to migrate to.")
    raise NotImplementedHere("Migrating is not served yet.")
