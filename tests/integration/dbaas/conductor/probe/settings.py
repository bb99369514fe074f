"""The test settings and the probe, whose handlers take the place of those registered before."""

from dbaas.settings.test import *  # noqa: F403, TID251

INSTALLED_APPS = [*INSTALLED_APPS, "tests.integration.dbaas.conductor.probe.apps.ProbeConfig"]  # noqa: F405
