"""System checks of this app (manage.py check)."""

from typing import Any

from django.conf import settings
from django.core import checks
from django.core.exceptions import ImproperlyConfigured


@checks.register("accounts")
def policy_file_is_usable(app_configs: Any, **kwargs: Any) -> list[checks.CheckMessage]:
    """A policy file with a mistake is found before anybody is refused because of it."""
    if not settings.POLICY_FILE:
        return []
    from dbaas.accounts import policy  # oslo.policy is heavy, and most programs don't need it

    try:
        policy.load(settings.POLICY_FILE)
    except ImproperlyConfigured as error:
        return [checks.Error(str(error), id="accounts.E001")]
    return []
