"""The test settings with the probe in place of the apps that know instances."""

from dbaas.settings.test import *

INSTALLED_APPS = [
    *[app for app in INSTALLED_APPS if app not in {"instances", "backups", "datastores"}],  # noqa: F405
    "tests.integration.dbaas.conductor.probe.apps.ProbeConfig",
]
CELERY_BROKER_HEARTBEAT = 2
