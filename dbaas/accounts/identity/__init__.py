"""Who checks tokens. `driver()` is the seam: built in (`local`) now, Keystone beside it later."""

from functools import cache

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from dbaas.accounts.identity.base import IdentityDriver

DRIVERS = {"local": "dbaas.accounts.identity.local.LocalIdentity"}


@cache
def _load(name: str) -> IdentityDriver:
    if name not in DRIVERS:
        raise ImproperlyConfigured(f"IDENTITY_DRIVER: {name!r} is not one of {sorted(DRIVERS)}")
    driver = import_string(DRIVERS[name])()
    assert isinstance(driver, IdentityDriver)  # noqa: S101 - tells the type checker
    return driver


def driver() -> IdentityDriver:
    """The driver that settings.IDENTITY_DRIVER names. Raises ImproperlyConfigured for an unknown one."""
    return _load(settings.IDENTITY_DRIVER)
