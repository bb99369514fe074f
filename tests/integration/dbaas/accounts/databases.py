"""A control database of its own on each server, made and dropped by the test that asks for it."""

import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pymysql
import pytest

ROOT = Path(__file__).resolve().parents[4]
POSTGRES = os.environ.get("TEST_POSTGRES_URL", "postgres://postgres@127.0.0.1:5432/")
MARIADB = os.environ.get("TEST_MARIADB_URL", "mysql://root@127.0.0.1:3306/")
KINDS = ("sqlite", "postgresql", "mariadb")


@contextmanager
def control_database(kind: str, folder: Path) -> Iterator[dict[str, str]]:
    """The environment for programs that use a new, migrated database of this kind; skips without a server."""
    name = f"test_accounts_{secrets.token_hex(4)}"
    makers = {"sqlite": _sqlite, "postgresql": _postgresql, "mariadb": _mariadb}
    with makers[kind](name, folder) as url:
        environment = os.environ | {"DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "dbaas.settings.test"}
        run(["manage.py", "migrate", "accounts", "--skip-checks", "-v0"], environment)
        yield environment


def run(arguments: list[str], environment: dict[str, str]) -> str:
    """Run one of the project's Python programs; its output, or a failure that shows what it said."""
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@contextmanager
def _sqlite(name: str, folder: Path) -> Iterator[str]:
    yield f"sqlite:///{folder}/{name}.sqlite3"


@contextmanager
def _postgresql(name: str, folder: Path) -> Iterator[str]:
    try:
        server = psycopg.connect(POSTGRES, autocommit=True, connect_timeout=3)
    except psycopg.OperationalError:
        pytest.skip("no PostgreSQL at TEST_POSTGRES_URL")
    with server:
        server.execute(f"CREATE DATABASE {name}")
        try:
            yield f"{POSTGRES.rstrip('/')}/{name}"
        finally:
            server.execute(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def _mariadb(name: str, folder: Path) -> Iterator[str]:
    url = urlsplit(MARIADB)
    try:
        server = pymysql.connect(
            host=url.hostname or "127.0.0.1",
            port=url.port or 3306,
            user=url.username,
            password=url.password or "",
            connect_timeout=3,
        )
    except pymysql.OperationalError:
        pytest.skip("no MariaDB at TEST_MARIADB_URL")
    with server, server.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
        try:
            yield f"{MARIADB.rstrip('/')}/{name}"
        finally:
            cursor.execute(f"DROP DATABASE {name}")
