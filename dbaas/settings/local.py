"""One machine, no cloud. Keys come from var/, where `make up` generates them once."""

from dbaas.settings.base import *  # noqa: F403
