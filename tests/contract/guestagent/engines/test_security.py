"""What must not be possible, and what must not be seen."""

import os
import stat
import subprocess
from pathlib import Path

import pytest

from guestagent.engines.server import ServerManager
from guestagent.errors import GuestError, UserExists
from guestagent.protocol.secret import Secret
from guestagent.protocol.types import DatabaseSpec, UserRef, UserSpec
from guestagent.system.processes import holders_of
from tests.contract.guestagent.engines.guest import DENIED, REFUSED, Guest, fresh

PLANTED = "PlantedPassword7331"


@pytest.mark.parametrize("user", ["", "root", "os_admin", "postgres", "mysql", "mariadb.sys", "ann"])
@pytest.mark.parametrize("password", ["", "root", "password"])
def test_nobody_gets_in_who_was_not_let_in(guest: Guest, user: str, password: str) -> None:
    with pytest.raises(REFUSED), guest.login(user or "''", password):
        pass


def test_the_administrator_cannot_come_over_the_network(guest: Guest, manager: ServerManager) -> None:
    secret = guest.folder / "state/engine/admin.secret"
    passwords = [secret.read_text()] if secret.exists() else [""]
    for password in passwords:
        with pytest.raises(REFUSED), guest.login("os_admin", password):
            pass


def test_tls_and_plain_are_both_there(guest: Guest, manager: ServerManager) -> None:
    name, user = fresh("db"), fresh("u")
    manager.create_databases([DatabaseSpec(name=name)])
    manager.create_users([UserSpec(name=user, password=Secret(PLANTED), databases=(name,))])
    cipher = (
        "SELECT VARIABLE_VALUE FROM information_schema.SESSION_STATUS WHERE VARIABLE_NAME = 'Ssl_version'"
        if guest.has_hosts
        else "SELECT version FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
    )
    with guest.login(user, PLANTED, name, tls=True) as tenant:
        if not guest.has_hosts:
            tenant.run("SET ROLE none")  # as the database's owner one does not see one's own session
        assert str(tenant.value(cipher)).startswith("TLSv1.")
    with guest.login(user, PLANTED, name) as tenant:
        if not guest.has_hosts:
            tenant.run("SET ROLE none")
        assert not tenant.value(cipher)


def test_secrets_are_in_no_log_no_file_and_no_process_list(own_guest: Guest) -> None:
    manager = own_guest.manager()
    manager.prepare({})
    name, user = fresh("db"), fresh("u")
    manager.create_databases([DatabaseSpec(name=name)])
    manager.create_users([UserSpec(name=user, password=Secret(PLANTED), databases=(name,))])
    manager.update_user(UserRef(name=user), new_name=None, new_password=Secret(PLANTED + "2"), new_host=None)
    manager.enable_root(Secret(PLANTED + "3"))
    with pytest.raises(UserExists) as refused:
        manager.create_users([UserSpec(name=user, password=Secret(PLANTED + "4"))])
    assert PLANTED not in str(refused.value)
    with own_guest.login("root", PLANTED + "3", name) as root, pytest.raises(DENIED):
        if own_guest.has_hosts:
            root.run(f"CREATE USER {user} IDENTIFIED BY '{PLANTED}5'")
        else:
            root.run(f"CREATE ROLE {user} PASSWORD '{PLANTED}5'")
    _no_process_shows(PLANTED)
    manager.stop(60)

    found = subprocess.run(
        ["grep", "-rlF", PLANTED, str(own_guest.folder)], capture_output=True, text=True, check=False
    )
    assert found.stdout == ""


def _no_process_shows(secret: str) -> None:
    for process in Path("/proc").iterdir():
        for file in ("cmdline", "environ"):
            try:
                assert secret.encode() not in (process / file).read_bytes()
            except OSError:
                continue


def test_files_are_closed_to_others(guest: Guest) -> None:
    """Whoever is neither the agent nor the database user reads nothing: no key, no data, no configuration."""
    for path in guest.folder.rglob("*"):
        mode = path.lstat().st_mode
        if stat.S_ISLNK(mode) or stat.S_ISSOCK(mode):
            continue
        if stat.S_ISDIR(mode):
            assert not mode & (stat.S_IROTH | stat.S_IWOTH | stat.S_IWGRP), path
        elif not _is_behind_a_closed_door(path, guest.folder):
            assert not mode & 0o077, path
    for secret in (guest.folder / "state/engine/tls/server.key",):
        assert stat.S_IMODE(secret.stat().st_mode) == 0o600


def _is_behind_a_closed_door(path: Path, top: Path) -> bool:
    between = path.parents[: path.parents.index(top)]
    return any(not folder.stat().st_mode & stat.S_IXOTH for folder in between)


@pytest.mark.skipif(os.geteuid() != 0, reason="as an ordinary user agent and server are one")
def test_the_database_user_can_replace_no_file_that_the_agent_trusts(guest: Guest) -> None:
    state = guest.folder / "state/engine"
    for folder in (state, state / "config", state / "tls", state / "log", state / "runtime"):
        assert folder.stat().st_uid == 0, folder
        assert not folder.stat().st_mode & 0o022, folder


def test_the_server_keeps_only_the_files_of_its_own_open(guest: Guest) -> None:
    lock = guest.folder / "state/engine/runtime/server.lock"
    for pid in holders_of(lock):
        for entry in Path(f"/proc/{pid}/fd").iterdir():
            try:
                target = os.readlink(entry)  # noqa: PTH115 - not every one is a path
            except OSError:
                continue
            if target.startswith("/") and not target.startswith(
                ("/dev/", "/proc/", "/usr/", "/memfd:", "/[", "/SYSV")
            ):
                assert target.startswith(str(guest.folder)), target


def test_a_template_lets_nobody_in(guest: Guest, templates: Path) -> None:
    if not guest.has_hosts:
        pytest.skip("PostgreSQL keeps no template")
    (template,) = [path for path in templates.iterdir() if path.is_dir() and not path.name.startswith(".")]
    assert template.name.startswith(f"{guest.engine}-{guest.version}.")
    assert not list(template.glob("*.pem")) + list(template.glob("auto.cnf"))


def test_a_new_server_has_no_account_but_the_administrators(own_guest: Guest) -> None:
    manager = own_guest.manager()
    manager.prepare({})
    manager.enable_root(Secret(PLANTED))
    with own_guest.login("root", PLANTED) as root:
        if own_guest.has_hosts:
            accounts = set(root.rows("SELECT User, Host FROM mysql.global_priv"))
            assert accounts == {("os_admin", "localhost"), ("mariadb.sys", "localhost"), ("root", "%")}
        else:
            accounts = {name for (name,) in root.rows("SELECT rolname FROM pg_roles WHERE rolcanlogin")}
            assert accounts == {"os_admin", "root"}


def test_errors_of_the_server_become_ours(manager: ServerManager) -> None:
    with pytest.raises(GuestError) as refused:
        manager.create_databases([DatabaseSpec(name=fresh("db"), collate="nonsense")])
    assert refused.value.code == "datastore_failed"
