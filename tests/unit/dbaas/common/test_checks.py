"""Unsafe settings are found, each under its id."""

import os
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from pytest_django import Settings

from dbaas.common import checks
from guestagent.protocol.crypto import generate_key

SQLITE = {"default": {"ENGINE": "django.db.backends.sqlite3"}}
POSTGRESQL = {"default": {"ENGINE": "django.db.backends.postgresql"}}


@pytest.fixture
def safe(settings: Settings) -> Settings:
    settings.SECRET_KEY = "s" * 50
    settings.TASKMANAGER_RPC_ENCR_KEY = [generate_key()]
    settings.INST_RPC_KEY_ENCR_KEY = [generate_key(), generate_key()]
    settings.COMMAND_SIGNING_KEY = generate_key()
    settings.DBAAS_ROLE = ""
    settings.IS_PRODUCTION = True
    return settings


def found() -> list[str]:
    messages = [*checks.check_settings(), *checks.check_deployment()]
    return sorted(str(message.id) for message in messages)


def test_safe_settings_pass(safe: Settings) -> None:
    assert found() == []
    checks.require_safe_settings()


@pytest.mark.parametrize(
    ("changes", "check_id"),
    [
        ({"SECRET_KEY": "short"}, "dbaas.E001"),
        ({"TASKMANAGER_RPC_ENCR_KEY": []}, "dbaas.E002"),
        ({"TASKMANAGER_RPC_ENCR_KEY": ["not a key"]}, "dbaas.E002"),
        ({"INST_RPC_KEY_ENCR_KEY": []}, "dbaas.E003"),
        ({"COMMAND_SIGNING_KEY": ""}, "dbaas.E004"),
        ({"ENABLE_SECURE_RPC_MESSAGING": False}, "dbaas.E005"),
        ({"PROVIDER": "nimbus"}, "dbaas.E006"),
        ({"PROVIDER": "../x"}, "dbaas.E006"),
        ({"IDENTITY_DRIVER": "ldap"}, "dbaas.E007"),
        ({"LOG_FORMAT": "xml"}, "dbaas.E008"),
        ({"SECRET_KEY": "test-only-" + "x" * 40}, "dbaas.E009"),
        ({"DEBUG": True}, "dbaas.E011"),
        ({"TRANSPORT_URL": "amqp://guest:guest@10.1.2.3/dbaas", "DATABASES": POSTGRESQL}, "dbaas.E012"),
        ({"TRANSPORT_URL": "amqp://a:b@10.1.2.3/dbaas"}, "dbaas.W001"),
        ({"DBAAS_ROLE": "conductor"}, "dbaas.W002"),
    ],
)  # fmt: skip
def test_unsafe_setting_is_found(safe: Settings, changes: Mapping[str, Any], check_id: str) -> None:
    safe.DATABASES = SQLITE
    for name, value in changes.items():
        setattr(safe, name, value)
    assert found() == [check_id]


def test_one_key_for_two_purposes_is_found(safe: Settings) -> None:
    safe.COMMAND_SIGNING_KEY = safe.TASKMANAGER_RPC_ENCR_KEY[0]
    assert found() == ["dbaas.E010"]


def test_conductor_needs_no_signing_key(safe: Settings) -> None:
    safe.DBAAS_ROLE, safe.COMMAND_SIGNING_KEY = "conductor", ""
    assert found() == []


def test_programs_do_not_start_without_keys(safe: Settings) -> None:
    safe.INST_RPC_KEY_ENCR_KEY = []
    with pytest.raises(ImproperlyConfigured, match=r"dbaas\.E003"):
        checks.require_safe_settings()


def production(*command: str, **changes: str) -> subprocess.CompletedProcess[str]:
    """Run a Python program under the production settings, in an environment of its own."""
    environment = {
        "PATH": os.environ["PATH"],
        "DJANGO_SETTINGS_MODULE": "dbaas.settings.production",
        "DATABASE_URL": "postgres://dbaas:secret@127.0.0.1/dbaas",
        "TRANSPORT_URL": "amqps://dbaas:secret@rabbit.example.org/dbaas",
        "ALLOWED_HOSTS": "db.example.org",
        "SECRET_KEY": generate_key() + generate_key(),
        "TASKMANAGER_RPC_ENCR_KEY": generate_key(),
        "INST_RPC_KEY_ENCR_KEY": generate_key(),
        "COMMAND_SIGNING_KEY": generate_key(),
        **changes,
    }
    return subprocess.run(
        [sys.executable, *command], env=environment, capture_output=True, text=True, timeout=100, check=False
    )


def test_deploy_check_is_clean_with_a_proper_environment() -> None:
    done = production("manage.py", "check", "--deploy", "--fail-level", "WARNING")
    assert done.returncode == 0, done.stderr


def test_wsgi_does_not_load_with_a_public_key() -> None:
    done = production("-c", "import dbaas.wsgi", SECRET_KEY="django-insecure-" + "x" * 60)
    assert done.returncode != 0
    assert "dbaas.E009" in done.stderr


def test_key_can_be_made_before_there_is_one() -> None:
    done = production("manage.py", "generate_key", TASKMANAGER_RPC_ENCR_KEY="", SECRET_KEY="")
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.strip()) == 43
