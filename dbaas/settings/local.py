"""One machine, no cloud. Settings and keys come from var/env, where `make up` generates them once.

A process under the supervisor (DBAAS_ROLE is set) has been given its share of that file already, and must
not help itself to the rest. For everybody else, as `manage.py` in a shell, the environment wins over it.
"""

import contextlib
import os

from dbaas.settings import env_file, options

if "DBAAS_ROLE" not in os.environ:
    with contextlib.suppress(FileNotFoundError):
        for _name, _value in env_file.read(options.VAR / "env").items():
            if not _name.endswith("_PASSWORD"):
                os.environ.setdefault(_name, _value)

from dbaas.settings.base import *  # noqa: F403

# Static files straight from the packages, without a collectstatic step.
WHITENOISE_USE_FINDERS = True
STATIC_ROOT = None
