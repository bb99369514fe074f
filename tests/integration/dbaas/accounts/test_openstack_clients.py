"""The real clients, `openstack` (variables, clouds.yaml) and keystoneauth, against a served API."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from keystoneauth1 import exceptions
from keystoneauth1.identity import v3
from keystoneauth1.session import Session

from dbaas.accounts.attempts import Attempt
from dbaas.common.redisclient import redis
from tests.integration.dbaas.accounts.server import PASSWORD, Server, api_server

pytestmark = pytest.mark.integration
OPENSTACK = Path(sys.executable).with_name("openstack")
DEFAULT: dict[str, Any] = {"user_domain_name": "Default", "project_domain_name": "Default"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    # Failures that other tests made from this address are not to count here.
    redis().delete(*Attempt("", "127.0.0.1").limits())
    with api_server(tmp_path_factory.mktemp("api"), LOGIN_ATTEMPTS_PER_MINUTE="5") as running:
        yield running


def variables(server: Server, user: str = "mel", **more: str) -> dict[str, str]:
    return {
        "OS_AUTH_URL": server.auth_url,
        "OS_USERNAME": user,
        "OS_PASSWORD": PASSWORD,
        "OS_PROJECT_NAME": "demo",
        "OS_USER_DOMAIN_NAME": "Default",
        "OS_PROJECT_DOMAIN_NAME": "Default",
        "OS_IDENTITY_API_VERSION": "3",
    } | more


def openstack(environment: dict[str, str], *arguments: str) -> Any:
    """What the command answers, as JSON."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith("OS_")}
    done = subprocess.run(
        [OPENSTACK, *arguments, "-f", "json"],
        env=clean | environment,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_commands_with_variables(server: Server) -> None:
    env = variables(server)
    token = openstack(env, "token", "issue")
    assert token["project_id"] == server.project_id
    catalog = openstack(env, "catalog", "list")
    assert {service["Type"] for service in catalog} == {"identity", "database"}
    assert openstack(env, "project", "list") == [{"ID": server.project_id, "Name": "demo"}]
    assert openstack(env, "project", "show", "demo")["id"] == server.project_id
    assert openstack(env, "user", "show", "mel")["default_project_id"] == server.project_id


def test_operator_commands(server: Server) -> None:
    env = variables(server, "ada", OS_AUTH_URL=f"{server.auth_url}/v3")
    assert {user["Name"] for user in openstack(env, "user", "list")} == {"ada", "mel", "rea"}
    assert {role["Name"] for role in openstack(env, "role", "list")} == {"admin", "member", "reader"}
    assigned = openstack(env, "role", "assignment", "list", "--names", "--project", "demo")
    assert {(row["User"], row["Role"]) for row in assigned} == {
        ("ada@Default", "admin"), ("mel@Default", "member"), ("rea@Default", "reader"),
    }  # fmt: skip
    assert openstack(env, "domain", "list")[0]["ID"] == "default"


def test_clouds_yaml_and_application_credential(server: Server, tmp_path: Path) -> None:
    made = openstack(variables(server), "application", "credential", "create", "ci", "--role", "reader")
    clouds = {
        "password": {
            "auth": {
                "auth_url": server.auth_url,
                "username": "mel",
                "password": PASSWORD,
                "project_name": "demo",
            }
            | DEFAULT
        },
        "ci": {
            "auth_type": "v3applicationcredential",
            "auth": {
                "auth_url": server.auth_url,
                "application_credential_id": made["ID"],
                "application_credential_secret": made["Secret"],
            },
        },
    }
    file = tmp_path / "clouds.yaml"
    file.write_text(yaml.safe_dump({"clouds": clouds}))
    env = {"OS_CLIENT_CONFIG_FILE": str(file)}
    for cloud in clouds:
        assert openstack(env, "--os-cloud", cloud, "token", "issue")["project_id"] == server.project_id
    listed = openstack(env, "--os-cloud", "password", "application", "credential", "list")
    assert [row["Name"] for row in listed] == ["ci"]


def password_session(server: Server, user: str = "mel", password: str = PASSWORD) -> Session:
    auth = v3.Password(
        auth_url=server.auth_url, username=user, password=password, project_name="demo", **DEFAULT
    )
    return Session(auth=auth)


def test_database_endpoint_is_found_and_takes_the_token(server: Server) -> None:
    session = password_session(server)
    endpoint = session.get_endpoint(service_type="database", interface="public", region_name="RegionOne")
    assert endpoint == f"{server.url}/v1.0/{server.project_id}"
    answer = session.get("/projects/demo", endpoint_filter={"service_type": "database"})
    assert answer.json()["project"]["id"] == server.project_id


def test_a_revoked_token_is_renewed_by_the_client(server: Server) -> None:
    session = password_session(server)
    first = session.get_token()
    session.delete(f"{server.auth_url}/v3/auth/tokens", headers={"X-Subject-Token": first})
    assert session.get("/projects/demo", endpoint_filter={"service_type": "database"}).status_code == 200
    assert session.get_token() != first


def test_a_new_password_ends_what_the_old_one_opened(server: Server, tmp_path: Path) -> None:
    session = password_session(server, "rea")
    assert session.get_token()
    fresh = tmp_path / "password"
    fresh.write_text("an entirely new one")
    server.manage("create_user", "rea", "--reset-password", "--password-file", str(fresh))
    with pytest.raises(exceptions.Unauthorized):
        session.get("/projects/demo", endpoint_filter={"service_type": "database"})
    assert password_session(server, "rea", "an entirely new one").get_token()


def test_guessing_is_stopped_for_all_processes_and_nothing_leaks(server: Server) -> None:
    server.manage("create_user", "victim", "--project", "demo", "--role", "member")
    for number in range(5):
        with pytest.raises(exceptions.Unauthorized):
            password_session(server, "victim", f"guess-{number}").get_token()
    with pytest.raises(exceptions.HttpError) as refusal:
        password_session(server, "victim", "guess-x").get_token()
    assert refusal.value.http_status == 429
    log = server.log.read_text()
    assert "login.failed" in log
    assert "guess-" not in log
    assert PASSWORD not in log
