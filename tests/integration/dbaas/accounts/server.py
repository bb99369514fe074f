"""The API as it is served: gunicorn on a free port, with a control database of its own."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from tests.integration.dbaas.accounts.databases import ROOT, run

PASSWORD = "correct horse battery"


@dataclass(frozen=True)
class Server:
    """Where it listens, and the environment that manage.py needs to reach the same database."""

    url: str
    environment: dict[str, str]
    log: Path
    project_id: str

    @property
    def auth_url(self) -> str:
        return f"{self.url}/identity"

    def manage(self, *arguments: str) -> str:
        return run(["manage.py", *arguments], self.environment)


@contextmanager
def api_server(folder: Path, **settings: str) -> Iterator[Server]:
    """Migrated, with the project `demo`, a member `mel`, a reader `rea` and an operator `ada`."""
    environment = (
        os.environ
        | {
            "DATABASE_URL": f"sqlite:///{folder}/control.sqlite3",
            "DJANGO_SETTINGS_MODULE": "dbaas.settings.test",
        }
        | settings
    )
    run(["manage.py", "migrate", "-v0"], environment)
    project_id = run(["manage.py", "create_project", "demo"], environment).strip()
    password = folder / "password"
    password.write_text(PASSWORD)
    for name, role in (("mel", "member"), ("rea", "reader"), ("ada", "admin")):
        create = ["manage.py", "create_user", name, "--project", "demo", "--role", role]
        run([*create, "--password-file", str(password)], environment)
    log = folder / "api.log"
    with log.open("w") as output, _serve(environment, output) as url:
        yield Server(url, environment, log, project_id)


@contextmanager
def _serve(environment: dict[str, str], output: IO[str]) -> Iterator[str]:
    """gunicorn on a socket made here: the port is known, and connections queue until it answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "gunicorn",
                "-b",
                f"fd://{listener.fileno()}",
                "--threads=4",
                "dbaas.wsgi",
            ],
            cwd=ROOT,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            pass_fds=[listener.fileno()],
        )
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
