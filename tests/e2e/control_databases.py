"""A control database for one test run on a real server, dropped at the end."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import psycopg
import pymysql

SERVERS = {
    "postgresql": os.environ.get("TEST_POSTGRES_URL", "postgres://postgres@127.0.0.1:5432/"),
    "mariadb": os.environ.get("TEST_MARIADB_URL", "mysql://root@127.0.0.1:3306/"),
}


@contextmanager
def fresh(kind: str) -> Iterator[str]:
    """URL of a new, empty database of this kind."""
    name = f"dbaas_e2e_{secrets.token_hex(4)}"
    _execute(kind, f"CREATE DATABASE {name}")
    try:
        yield SERVERS[kind].rstrip("/") + f"/{name}"
    finally:
        _execute(kind, f"DROP DATABASE {name}" + (" WITH (FORCE)" if kind == "postgresql" else ""))


def _execute(kind: str, statement: str) -> None:
    server = urlsplit(SERVERS[kind])
    if kind == "postgresql":
        with psycopg.connect(SERVERS[kind] + "postgres", autocommit=True, connect_timeout=10) as postgresql:
            postgresql.execute(statement)
        return
    with pymysql.connect(
        host=server.hostname, port=server.port or 3306, user=server.username, password=server.password or "",
        connect_timeout=10,
    ) as mariadb, mariadb.cursor() as cursor:  # fmt: skip
        cursor.execute(statement)
