"""The bare engines: what a person does by hand to get a server to log in to. The reference for creating."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pymysql

from guestagent.system import programs

#: Between attempts to log in, for the bare engine and for ours alike.
POLL_SECONDS = 0.01
_LONGEST_SECONDS = 120.0


def initialise_and_start(datastore: str) -> float:
    """Seconds from nothing to the first login over TCP; the server is gone afterwards."""
    with ExitStack() as cleanup:
        folder = Path(tempfile.mkdtemp(prefix="dbaas-bare-"))
        cleanup.callback(shutil.rmtree, folder, ignore_errors=True)
        run = {"mariadb": _mariadb, "postgresql": _postgresql}[datastore]
        return run(folder, cleanup)


def until_login(log_in: Callable[[], Any]) -> None:
    """Try until it works; AssertionError when it never does."""
    deadline = time.perf_counter() + _LONGEST_SECONDS
    while True:
        try:
            log_in().close()
        except (pymysql.Error, psycopg.Error, OSError) as error:
            assert time.perf_counter() < deadline, f"no login: {error}"
            time.sleep(POLL_SECONDS)
        else:
            return


def _mariadb(folder: Path, cleanup: ExitStack) -> float:
    server = programs.find("mariadbd")[0].path
    installer = programs.find_beside(server, "mariadb-install-db")
    _give(folder, "mysql")
    port, data, user = _free_port(), folder / "data", _options_user("mysql")
    started = time.perf_counter()
    _run([str(installer), "--no-defaults", f"--datadir={data}", "--skip-test-db",
          "--auth-root-authentication-method=normal", *user])  # fmt: skip
    _spawn(
        [str(server), "--no-defaults", f"--datadir={data}", f"--port={port}", "--bind-address=127.0.0.1",
         f"--socket={folder}/s", f"--pid-file={folder}/pid", *user],
        folder, cleanup, None,
    )  # fmt: skip
    until_login(lambda: pymysql.connect(host="127.0.0.1", port=port, user="root", connect_timeout=2))
    return time.perf_counter() - started


def _postgresql(folder: Path, cleanup: ExitStack) -> float:
    server = programs.find("postgres")[0].path
    user = _give(folder, "postgres")
    port, data = _free_port(), folder / "data"
    started = time.perf_counter()
    _run([str(server.with_name("initdb")), "-D", str(data), "-U", "postgres", "-A", "trust", "-E", "UTF8",
          "--locale=C.UTF-8", "--data-checksums"], user)  # fmt: skip
    _spawn([str(server), "-D", str(data), "-p", str(port), "-h", "127.0.0.1", "-k", str(folder)],
           folder, cleanup, user)  # fmt: skip
    address = f"host=127.0.0.1 port={port} user=postgres dbname=postgres connect_timeout=2"
    until_login(lambda: psycopg.connect(address))
    return time.perf_counter() - started


def _run(command: list[str], user: str | None = None) -> None:
    subprocess.run(command, user=user, cwd="/", capture_output=True, timeout=_LONGEST_SECONDS, check=True)


def _spawn(command: list[str], folder: Path, cleanup: ExitStack, user: str | None) -> None:
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(command, user=user, cwd="/", stdout=log, stderr=log)
    cleanup.enter_context(_ended(server))


@contextmanager
def _ended(server: "subprocess.Popen[bytes]") -> Any:
    try:
        yield
    finally:
        server.terminate()
        server.wait(60)


def _give(folder: Path, name: str) -> str | None:
    """Root hands the folder to the engine's own user; None: it runs as whoever we are."""
    if os.geteuid() != 0:
        return None
    account = pwd.getpwnam(name)
    os.chown(folder, account.pw_uid, account.pw_gid)
    return name


def _options_user(name: str) -> list[str]:
    return [f"--user={name}"] if os.geteuid() == 0 else []


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
