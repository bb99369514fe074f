"""What the tests need to reach: RabbitMQ with its management API, Redis, PostgreSQL and MariaDB.

Servers that listen on the standard ports are used as they are. Missing ones are started from the installed
programs with throw-away data, listening on loopback only, and stay for the next run.
"""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

from compose.local import services
from compose.local.console import fail, step
from compose.local.environment import Environment
from compose.local.layout import Layout
from compose.local.processes import is_listening

_POSTGRESQL: Final = Path("/usr/lib/postgresql/15/bin")
_TEST_SETTINGS: Final = {
    "TRANSPORT_URL": "amqp://guest:guest@127.0.0.1:5672/dbaas-test",
    "RABBITMQ_MANAGEMENT_URL": "http://guest:guest@127.0.0.1:15672",
    "REDIS_URL": "redis://127.0.0.1:6379/15",
}


def ensure() -> None:
    """Raises Failure when something can't be started."""
    layout = Layout()
    layout.make_folders()
    services.ensure(layout, Environment(_TEST_SETTINGS, {}))
    folder = Path(tempfile.gettempdir()) / f"dbaas-test-services-{os.getuid()}"
    _ensure("PostgreSQL", 5432, lambda: _start_postgresql(folder / "postgresql"))
    _ensure("MariaDB", 3306, lambda: _start_mariadb(folder / "mariadb"))


def _ensure(name: str, port: int, start: Callable[[], None]) -> None:
    if is_listening("127.0.0.1", port):
        return
    with step(f"Starting a throw-away {name} for the tests"):
        start()
        services.wait_listening(name, "127.0.0.1", port)


def _start_postgresql(folder: Path) -> None:
    """PostgreSQL refuses to run as root; Debian's account `postgres` is there when its package is."""
    as_user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    shutil.rmtree(folder, ignore_errors=True)
    _make_folder(folder, "postgres" if as_user else None)
    data = str(folder / "data")
    services.run(
        *as_user, str(_POSTGRESQL / "initdb"), "-D", data, "-U", "postgres", "--auth=trust", "--no-sync"
    )
    options = f"-c listen_addresses=127.0.0.1 -c unix_socket_directories={folder} -c max_connections=200"
    log = str(folder / "log")
    services.run(*as_user, str(_POSTGRESQL / "pg_ctl"), "-D", data, "-l", log, "-o", options, "-w", "start")


def _start_mariadb(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    _make_folder(folder, None)
    user = pwd.getpwuid(os.getuid()).pw_name
    data = folder / "data"
    services.run(
        *("mariadb-install-db", "--no-defaults", f"--datadir={data}", f"--user={user}"),
        *("--auth-root-authentication-method=normal", "--skip-test-db"),
    )
    with (folder / "log").open("ab") as log:
        subprocess.Popen(
            [
                *(services.find_program("mariadbd"), "--no-defaults", f"--datadir={data}", f"--user={user}"),
                *("--bind-address=127.0.0.1", "--port=3306", f"--socket={folder / 'socket'}"),
                *("--max-connections=300", "--innodb-flush-log-at-trx-commit=0"),
            ],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip


def _make_folder(folder: Path, owner: str | None) -> None:
    folder.parent.mkdir(mode=0o755, exist_ok=True)
    if folder.parent.stat().st_uid != os.getuid():
        fail(f"{folder.parent} belongs to somebody else; remove it")
    folder.mkdir(mode=0o700)
    if owner:
        shutil.chown(folder, owner, owner)
