"""What must be right before this runs: Django system checks with ids (``manage.py check [--deploy]``).

``require_safe_settings`` is for programs that don't go through manage.py (the WSGI server, the workers).
"""

from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec
from ipaddress import ip_address
from typing import Any, Final
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.core.exceptions import ImproperlyConfigured

from guestagent.protocol.crypto import CryptoError, parse_key

MAKE_ONE: Final = "Make one with: manage.py generate_key"
_SEALING_KEYS: Final = (("TASKMANAGER_RPC_ENCR_KEY", "dbaas.E002"), ("INST_RPC_KEY_ENCR_KEY", "dbaas.E003"))
#: Keys that anybody can read in this repository.
_PUBLIC_MARKS: Final = ("test-only", "dGVzdC1vbmx5", "change-me", "django-insecure")

CheckFunction = Callable[[], Iterator[CheckMessage]]


def secret_key() -> Iterator[CheckMessage]:
    key = settings.SECRET_KEY or ""
    if len(key) < 32:
        yield Error("SECRET_KEY is missing or shorter than 32 characters.", hint=MAKE_ONE, id="dbaas.E001")


def sealing_keys() -> Iterator[CheckMessage]:
    for name, check_id in _SEALING_KEYS:
        keys = getattr(settings, name)
        if not keys:
            yield Error(f"{name} is missing.", hint=MAKE_ONE, id=check_id)
        for key in keys:
            yield from _malformed(name, key, check_id)


def signing_key() -> Iterator[CheckMessage]:
    key = settings.COMMAND_SIGNING_KEY
    if settings.DBAAS_ROLE == "conductor":
        if key:
            yield Warning(
                "The conductor holds COMMAND_SIGNING_KEY.",
                hint="Take it out of its environment: who reads reports must not be able to give commands.",
                id="dbaas.W002",
            )
    elif not key:
        yield Error("COMMAND_SIGNING_KEY is missing.", hint=MAKE_ONE, id="dbaas.E004")
    if key:
        yield from _malformed("COMMAND_SIGNING_KEY", key, "dbaas.E004")


def secure_messaging() -> Iterator[CheckMessage]:
    if not settings.ENABLE_SECURE_RPC_MESSAGING:
        yield Error(
            "ENABLE_SECURE_RPC_MESSAGING is off.",
            hint="There is no plaintext mode; remove the setting.",
            id="dbaas.E005",
        )


def drivers() -> Iterator[CheckMessage]:
    if not _exists(f"instances.providers.{settings.PROVIDER}"):
        yield Error(f"PROVIDER: {settings.PROVIDER!r} is not known.", id="dbaas.E006")
    if not _exists(f"dbaas.accounts.identity.{settings.IDENTITY_DRIVER}"):
        yield Error(f"IDENTITY_DRIVER: {settings.IDENTITY_DRIVER!r} is not known.", id="dbaas.E007")
    if settings.LOG_FORMAT not in {"console", "json"}:
        yield Error("LOG_FORMAT must be console or json.", id="dbaas.E008")


def public_keys() -> Iterator[CheckMessage]:
    for name in ("SECRET_KEY", "COMMAND_SIGNING_KEY", *(name for name, _ in _SEALING_KEYS)):
        value = getattr(settings, name)
        texts = value if isinstance(value, list) else [value]
        if any(mark in text for text in texts for mark in _PUBLIC_MARKS):
            yield Error(f"{name} is one that everybody knows.", hint=MAKE_ONE, id="dbaas.E009")


def shared_keys() -> Iterator[CheckMessage]:
    keys = [*settings.TASKMANAGER_RPC_ENCR_KEY, *settings.INST_RPC_KEY_ENCR_KEY]
    keys += [settings.COMMAND_SIGNING_KEY] if settings.COMMAND_SIGNING_KEY else []
    if len(set(keys)) != len(keys):
        yield Error("One key is used for two purposes.", hint="Make a key for each.", id="dbaas.E010")


def debug() -> Iterator[CheckMessage]:
    if settings.DEBUG:
        yield Error("DEBUG is on: pages would show settings to whoever asks.", id="dbaas.E011")


def sqlite_on_several_hosts() -> Iterator[CheckMessage]:
    is_sqlite = settings.DATABASES["default"]["ENGINE"].endswith("sqlite3")
    if is_sqlite and not _is_loopback(urlsplit(settings.TRANSPORT_URL).hostname or ""):
        yield Warning(
            "SQLite serves one machine, and the broker is on another one.",
            hint="Use PostgreSQL or MariaDB (DATABASE_URL) when there is more than one host.",
            id="dbaas.W001",
        )


def broker_password() -> Iterator[CheckMessage]:
    broker = urlsplit(settings.TRANSPORT_URL)
    if (broker.username, broker.password) == ("guest", "guest") and not _is_loopback(broker.hostname or ""):
        yield Error("TRANSPORT_URL uses RabbitMQ's default account.", id="dbaas.E012")


ALWAYS: Final[Sequence[CheckFunction]] = (secret_key, sealing_keys, signing_key, secure_messaging, drivers)
ON_DEPLOY: Final[Sequence[CheckFunction]] = (
    public_keys, shared_keys, debug, sqlite_on_several_hosts, broker_password,
)  # fmt: skip


@register(Tags.security)
def check_settings(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    return [message for check in ALWAYS for message in check()]


@register(Tags.security, deploy=True)
def check_deployment(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    return [message for check in ON_DEPLOY for message in check()]


def require_safe_settings() -> None:
    """Raises ImproperlyConfigured with every error found; in production those of ``--deploy`` too."""
    checks = [*ALWAYS, *(ON_DEPLOY if settings.IS_PRODUCTION else ())]
    errors = [message for check in checks for message in check() if message.is_serious()]
    if errors:
        raise ImproperlyConfigured("; ".join(f"{error.id}: {error.msg}" for error in errors))


def _malformed(name: str, key: str, check_id: str) -> Iterator[CheckMessage]:
    try:
        parse_key(key)
    except CryptoError as error:
        yield Error(f"{name} is malformed: {error}.", hint=MAKE_ONE, id=check_id)


def _exists(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except (ModuleNotFoundError, ValueError):
        return False


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
