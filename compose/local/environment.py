"""The stack's settings: made once with fresh keys and passwords, kept in ``var/env``.

A setting given in the environment of `make up` (``BIND_PORT=9000 make up``) is taken and kept. Keys are
never replaced that way: what they sealed would be lost (`manage.py rotate_keys` is the way).
"""

import os
import secrets
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, urlsplit

from compose.local.layout import PROJECT_ROOT, Layout, write_private
from dbaas.settings import env_file, options  # noqa: TID251 - the table itself: Django is not set up here
from guestagent.protocol import crypto

KEYS: Final = frozenset(
    {"SECRET_KEY", "TASKMANAGER_RPC_ENCR_KEY", "INST_RPC_KEY_ENCR_KEY", "COMMAND_SIGNING_KEY"}
)
#: Ours, beside the options of the control plane: passwords that `make up` hands out once.
PASSWORDS: Final = ("ADMIN_PASSWORD", "DEMO_PASSWORD", "FLOWER_PASSWORD")
FLOWER_USER: Final = "admin"
VIRTUAL_HOST: Final = "dbaas"

#: What `make up` takes from its surroundings; which process one is, is no setting of the stack.
_option_names: Final = frozenset(option.name for option in options.OPTIONS) - {"DBAAS_ROLE"}
_secret_names: Final = frozenset(option.name for option in options.OPTIONS if option.secret)


@dataclass(frozen=True, slots=True)
class Environment:
    """What ``var/env`` says. `settings` are the control plane's, as text; `passwords` are for people."""

    settings: Mapping[str, str]
    passwords: Mapping[str, str]

    def parsed(self) -> dict[str, Any]:
        """All options with their types, defaults included. Raises ImproperlyConfigured."""
        return options.load(self.settings)

    @property
    def url(self) -> str:
        """Where the API answers, as seen from this machine."""
        parsed = self.parsed()
        host = parsed["BIND_HOST"]
        return f"http://{'127.0.0.1' if host in {'0.0.0.0', '::'} else host}:{parsed['BIND_PORT']}"  # noqa: S104

    def without(self, names: frozenset[str]) -> dict[str, str]:
        return {name: value for name, value in self.settings.items() if name not in names}


def secret_names() -> frozenset[str]:
    return _secret_names


def read(layout: Layout) -> Environment | None:
    """The environment of an existing stack; None before the first `make up`."""
    try:
        values = env_file.read(layout.env)
    except FileNotFoundError:
        return None
    return Environment(
        settings={name: value for name, value in values.items() if name not in PASSWORDS},
        passwords={name: values[name] for name in PASSWORDS if name in values},
    )


def ensure(layout: Layout, given: Mapping[str, str] | None = None) -> Environment:
    """Read ``var/env``, add what is missing, take over what is `given`, and write it back if it changed.

    `given` defaults to this process's environment. Raises ImproperlyConfigured for a value that doesn't fit.
    """
    layout.make_folders()
    known = read(layout)
    settings = dict(known.settings) if known else {}
    passwords = dict(known.passwords) if known else {}
    for name, value in (os.environ if given is None else given).items():
        if name in _option_names and not (name in KEYS and name in settings):
            settings[name] = value
    for name, value in _defaults(layout, settings).items():
        settings.setdefault(name, value)
    for name in PASSWORDS:
        passwords.setdefault(name, secrets.token_urlsafe(15))
    environment = Environment(settings, passwords)
    environment.parsed()
    if environment != known:
        write_private(layout.env, _render(environment))
    return environment


def _defaults(layout: Layout, settings: Mapping[str, str]) -> dict[str, str]:
    defaults = {
        "SECRET_KEY": secrets.token_urlsafe(48),
        "TASKMANAGER_RPC_ENCR_KEY": crypto.generate_key(),
        "INST_RPC_KEY_ENCR_KEY": crypto.generate_key(),
        "COMMAND_SIGNING_KEY": crypto.generate_key(),
        "DATABASE_URL": f"sqlite:///{layout.var / 'control.sqlite3'}",
        "LOCAL_PATH": str(layout.servers),
    }
    if "TRANSPORT_URL" not in settings:
        # An account of our own: guest/guest is known to everybody, the databases of tenants included.
        account = f"{VIRTUAL_HOST}:{secrets.token_urlsafe(24)}"
        management = urlsplit(settings.get("RABBITMQ_MANAGEMENT_URL", "http://127.0.0.1:15672"))
        broker = settings.get("GUEST_BROKER_ADDRESS", "127.0.0.1:5672")
        defaults["TRANSPORT_URL"] = f"amqp://{account}@{broker}/{quote(VIRTUAL_HOST, safe='')}"
        defaults["RABBITMQ_MANAGEMENT_URL"] = (
            f"http://{account}@{management.hostname}:{management.port or 15672}"
        )
    return defaults


def _render(environment: Environment) -> str:
    lines = [
        "# Settings of this stack (help: .venv/bin/python manage.py config_sample). Holds its keys: without",
        "# them the control database cannot be read. Edit, then `make restart`.",
    ]
    everything = {**environment.settings, **environment.passwords}
    lines += [f"{name}={shlex.quote(value)}" for name, value in sorted(everything.items())]
    return "\n".join(lines) + "\n"


def process_environment(extra: Mapping[str, str]) -> dict[str, str]:
    """What every process of ours gets: paths and a locale, then `extra`. Nothing else leaks in."""
    kept = {name: os.environ[name] for name in ("HOME", "USER", "TZ", "TMPDIR") if name in os.environ}
    path = f"{PROJECT_ROOT / '.venv' / 'bin'}:{os.environ.get('PATH', '/usr/bin:/bin')}:/usr/sbin:/sbin"
    return {
        **kept,
        "PATH": path,
        "LANG": "C.UTF-8",
        "PYTHONPATH": str(PROJECT_ROOT),
        "PYTHONUNBUFFERED": "1",
        **extra,
    }
