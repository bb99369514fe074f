"""New data directories of the MariaDB/MySQL family, made once and copied.

A template is a data directory without any account that can log in, without keys and without a server id, so
that copies share nothing but tables of help texts. It is made by and belongs to whoever runs the agent, never
to a database user.
"""

import os
import tempfile
from pathlib import Path

from guestagent.engines.mysql_family.dialect import SYSTEM_ACCOUNTS, Dialect, MariaDB
from guestagent.errors import EngineFailed, EngineTimeout
from guestagent.system import programs, tools
from guestagent.system.copying import copy_tree
from guestagent.system.files import ensure_directory, remove_tree, sync_directory, sync_tree
from guestagent.system.locks import LockTimeout, file_lock
from guestagent.system.programs import Program

BUILD_TIMEOUT_SECONDS = 180.0
COPY_TIMEOUT_SECONDS = 120.0
INSTALLER = "mariadb-install-db"
#: A copy gets its own server id and keys; the buffer pool's list is of no use.
_NOT_KEPT = ("auto.cnf", "*.pem", "ib_buffer_pool", "*.err", "*.pid")
_NOBODY_LOGS_IN = "".join(
    f"DELETE FROM mysql.{table} WHERE User NOT IN {SYSTEM_ACCOUNTS};\n"  # noqa: S608 - our own constants
    for table in ("global_priv", "proxies_priv", "db")
)


def fill(folder: Path, dialect: Dialect, server: Program, name: str, templates: Path | None) -> None:
    """Make `folder`, which must not exist, a data directory: a copy of the template if one can be kept."""
    if templates is None or not _can_keep(templates):
        build(folder, dialect, server)
        return
    copy_tree(ensure(templates, dialect, server, name), folder, timeout_seconds=COPY_TIMEOUT_SECONDS)


def ensure(templates: Path, dialect: Dialect, server: Program, name: str) -> Path:
    """The template ``<name>-<exact version>``, made if it is missing. Safe to call from many processes."""
    ensure_directory(templates, mode=0o755)
    template = templates / f"{name}-{server.version}"
    if template.is_dir():
        return template
    try:
        with file_lock(templates / f".{template.name}.lock", timeout_seconds=BUILD_TIMEOUT_SECONDS):
            if not template.is_dir():
                partial = templates / f".{template.name}.partial"
                remove_tree(partial)
                build(partial, dialect, server)
                sync_tree(partial)
                partial.rename(template)
                sync_directory(templates)
    except LockTimeout as error:
        raise EngineTimeout(f"somebody else is making the template {template.name}") from error
    return template


def build(folder: Path, dialect: Dialect, server: Program) -> None:
    """Initialise `folder` from nothing, as the agent's own user."""
    ensure_directory(folder)
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
        script.write("DROP USER 'root'@'localhost';\n")
        script.flush()
        installer = programs.find_beside(server.path, INSTALLER)
        if installer is None and isinstance(dialect, MariaDB):
            raise EngineFailed(f"{INSTALLER} is not installed.", code="engine_not_installed")
        command = dialect.initialise_command(server.path, installer, folder, Path(script.name))
        _run([*command, *_as_root()])
    if isinstance(dialect, MariaDB):
        bootstrap = [str(server.path), "--no-defaults", f"--datadir={folder}", "--bootstrap", *_as_root()]
        _run([*bootstrap, "--skip-name-resolve"], _NOBODY_LOGS_IN.encode())
    for pattern in _NOT_KEPT:
        for path in folder.glob(pattern):
            path.unlink()


def _as_root() -> list[str]:
    """Servers refuse to run as root unless told so; nothing listens while a directory is initialised."""
    return ["--user=root"] if os.geteuid() == 0 else []


def _run(command: list[str], stdin: bytes = b"") -> None:
    result = tools.run(command, timeout_seconds=BUILD_TIMEOUT_SECONDS, stdin=stdin)
    if result.exit_code != 0:
        last = result.stderr.decode(errors="replace").strip().splitlines()[-1:]
        program = Path(command[0]).name
        raise EngineFailed(f"{program} ended with {result.exit_code}: {''.join(last)[:300]}")


def _can_keep(templates: Path) -> bool:
    """False for a folder that the agent may not write to: then every instance is initialised by itself."""
    folder = templates if templates.exists() else templates.parent
    return os.access(folder, os.W_OK | os.X_OK)
