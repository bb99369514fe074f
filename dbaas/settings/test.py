"""Tests: throw-away keys, SQLite in memory unless DATABASE_URL says otherwise, quick password hashes."""

import os

os.environ.setdefault("DATABASE_URL", "sqlite://:memory:")
os.environ.setdefault("TRANSPORT_URL", "amqp://guest:guest@127.0.0.1:5672/dbaas-test")
os.environ.setdefault("REDIS_URL", "redis://127.0.0.1:6379/15")
os.environ.setdefault("SECRET_KEY", "test-only-not-a-secret-" + "x" * 40)
for _name in ("TASKMANAGER_RPC_ENCR_KEY", "INST_RPC_KEY_ENCR_KEY", "COMMAND_SIGNING_KEY"):
    os.environ.setdefault(_name, "dGVzdC1vbmx5LXRlc3Qtb25seS10ZXN0LW9ubHktdGU")

from dbaas.settings.base import *  # noqa: E402, F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STATIC_ROOT = None  # nothing is collected for tests
