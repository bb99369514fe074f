"""A guest with a real server, and a tenant who logs in to it over TCP with an ordinary driver."""

import itertools
import os
import secrets
import shutil
import ssl
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pymysql
from pymysql.connections import Connection
from pymysql.cursors import Cursor

from guestagent.engines import registry
from guestagent.engines.server import ServerManager
from guestagent.protocol.guest_config import GuestConfig
from guestagent.protocol.secret import Secret
from guestagent.runtimes import registry as runtimes

#: Every engine that this host has programs of.
ENGINES = [(engine, versions[0]) for engine, versions in registry.host_versions().items()]
#: A user id that no account has; only root can give files to it.
NAMELESS_UID = 64123
#: What a server answers to whom it does not let in.
REFUSED = (pymysql.OperationalError, psycopg.OperationalError)
#: What it answers to whom it lets in, but not everywhere.
DENIED = (pymysql.Error, psycopg.Error)

_hosts = itertools.count(os.getpid() * 97)


def free_address() -> str:
    """An address of this test alone: 127.78.0.0/16 is for the engines' tests."""
    number = next(_hosts) % 65000 + 200
    return f"127.78.{number // 256}.{number % 256}"


@dataclass
class Guest:
    engine: str
    version: str
    folder: Path
    templates: Path
    memory_mb: int = 256
    address: str = field(default_factory=free_address)

    @property
    def config(self) -> GuestConfig:
        return GuestConfig(
            instance_id=self.folder.name,
            project_id="p1",
            engine=self.engine,
            version=self.version,
            broker_url=Secret("amqp://nobody@127.0.0.1:1/none"),
            instance_key=Secret("unused"),
            signing_key=Secret("unused"),
            control_public_key="unused",
            listen_address=self.address,
            memory_mb=self.memory_mb,
            data_path=str(self.folder / "volume"),
            state_path=str(self.folder / "state"),
            template_path=str(self.templates),
            database_uid=NAMELESS_UID if os.geteuid() == 0 else None,
        )

    def manager(self) -> ServerManager:
        """As an agent that starts now would make it: nothing is shared with the one before."""
        manager = registry.load_manager(self.engine)(self.config, runtimes.build(self.config))
        assert isinstance(manager, ServerManager)
        return manager

    @property
    def has_hosts(self) -> bool:
        return registry.load_spec(self.engine).users_have_hosts

    @contextmanager
    def login(
        self, user: str, password: str, database: str | None = None, *, tls: bool = False
    ) -> Iterator["Tenant"]:
        connection: Connection[Cursor] | psycopg.Connection[Any]
        if registry.load_spec(self.engine).family == "mysql":
            connection = pymysql.connect(
                host=self.address, port=3306, user=user, password=password.encode(), database=database,
                autocommit=True, connect_timeout=20, read_timeout=20, charset="utf8mb4",
                ssl=self._any_certificate() if tls else None, ssl_disabled=not tls,
            )  # fmt: skip
        else:
            connection = psycopg.connect(
                host=self.address, port=5432, user=user, password=password, dbname=database or "postgres",
                autocommit=True, connect_timeout=20, sslmode="require" if tls else "disable",
            )  # fmt: skip
        try:
            yield Tenant(connection)
        finally:
            connection.close()

    def _any_certificate(self) -> ssl.SSLContext:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return context


class Tenant:
    """Somebody who is logged in."""

    def __init__(self, connection: "Connection[Cursor] | psycopg.Connection[Any]") -> None:
        self._connection = connection

    def run(self, *statements: str) -> None:
        with self._connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)

    def rows(self, query: str) -> list[Sequence[Any]]:
        with self._connection.cursor() as cursor:
            cursor.execute(query)
            return list(cursor.fetchall())

    def value(self, query: str) -> Any:
        return self.rows(query)[0][0]


@contextmanager
def work_folder() -> Iterator[Path]:
    """Short, for sockets lie in it; passable, for servers run under a user of their own."""
    folder = Path(tempfile.mkdtemp(prefix="dbaas-engines-", dir="/tmp"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def fresh(prefix: str) -> str:
    """A name that nobody used before."""
    return f"{prefix}_{secrets.token_hex(4)}"
