"""The superuser a user may ask for."""

import secrets
import string

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from dbaas.accounts.caller import Caller
from dbaas.common.errors import NotFound
from guestagent.protocol.commands import DisableRoot, EnableRoot
from guestagent.protocol.secret import Secret
from instances import history
from instances.guest import GuestClient
from instances.models import Instance, RootHistory
from instances.services import checks

PASSWORD_LENGTH = 36
_ALPHABET = string.ascii_letters + string.digits


def root_is_enabled(*, instance: Instance) -> bool:
    return RootHistory.objects.filter(instance=instance, disabled_at=None).exists()


def root_enable(*, caller: Caller, instance: Instance, password: Secret | None = None) -> tuple[str, Secret]:
    """The superuser's name and password, usable at once; asking again gives it a new password.

    The history is written before the guest is asked: a superuser that may exist is never unrecorded.
    """
    checks.require_serving(instance)
    password = password or Secret("".join(secrets.choice(_ALPHABET) for _ in range(PASSWORD_LENGTH)))
    with transaction.atomic():
        if not root_is_enabled(instance=instance):
            RootHistory.objects.create(instance=instance, enabled_by=caller.user_id)
        history.note(instance, "root_enabled", after={"name": checks.spec_of(instance).root_user})
    GuestClient(instance).ask(EnableRoot(password=password), timeout_seconds=settings.AGENT_CALL_HIGH_TIMEOUT)
    return checks.spec_of(instance).root_user, password


def root_disable(*, caller: Caller, instance: Instance) -> None:
    """Raises NotFound when it is not enabled."""
    checks.require_serving(instance)
    if not root_is_enabled(instance=instance):
        raise NotFound(f"Root is not enabled on instance {instance.pk}.")
    GuestClient(instance).ask(DisableRoot(), timeout_seconds=settings.AGENT_CALL_HIGH_TIMEOUT)
    with transaction.atomic():
        RootHistory.objects.filter(instance=instance, disabled_at=None).update(disabled_at=timezone.now())
        history.note(instance, "root_disabled")
