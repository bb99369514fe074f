"""Seal again, under the first configured key, everything that is sealed under an older one."""

from typing import Any

from django.core.management.base import BaseCommand

from datastores.groups import group_reseal
from dbaas.taskmanager.services import reseal_params
from instances import keys
from instances.models import Guest
from instances.services.modules import modules_reseal


class Command(BaseCommand):
    help = (
        "Wrap guests' keys and seal modules under the first of INST_RPC_KEY_ENCR_KEY; seal the secrets of "
        "unfinished operations and of configuration groups under the first of TASKMANAGER_RPC_ENCR_KEY. Put "
        "the new key first, run this, then remove the old key."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        guests = sum(self._rewrap(guest) for guest in Guest.objects.exclude(wrapped_key="").iterator())
        operations = reseal_params()
        groups = group_reseal()
        modules = sum(modules_reseal())
        self.stdout.write(
            f"Wrapped the keys of {guests} guests and sealed {operations} operations "
            f"and {groups} configuration groups and {modules} modules again."
        )

    @staticmethod
    def _rewrap(guest: Guest) -> bool:
        wrapped = keys.rewrap(guest.pk, guest.wrapped_key)
        if wrapped is None:
            return False
        # Only if it is still what was read: a guest deleted meanwhile keeps its key wiped.
        return bool(
            Guest.objects.filter(pk=guest.pk, wrapped_key=guest.wrapped_key).update(wrapped_key=wrapped)
        )
