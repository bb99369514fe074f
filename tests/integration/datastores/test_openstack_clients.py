"""The real client's commands about what can be had, against a served API."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.dbaas.accounts.server import PASSWORD, Server, api_server

pytestmark = pytest.mark.integration
OPENSTACK = Path(sys.executable).with_name("openstack")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("api")
    rules = folder / "rules.json"
    parameters = [
        {"name": "max_connections", "type": "integer", "min": 10, "max": 100000},
        {"name": "skip_name_resolve", "type": "boolean", "restart_required": True},
    ]
    rules.write_text(json.dumps({"configuration-parameters": parameters}))
    with api_server(folder) as running:
        running.manage("datastore_version_create", "mariadb", "10.11", "mariadb", "--default")
        running.manage("datastore_version_create", "mariadb", "10.6", "mariadb", "--inactive")
        running.manage("load_config_parameters", "mariadb", "10.11", str(rules))
        running.manage("shell", "-v0", "-c", SEED)
        yield running


SEED = "from datastores import standalone; standalone.host_register(versions={})"


def attempt(server: Server, *arguments: str, user: str = "rea") -> subprocess.CompletedProcess[str]:
    clean = {key: value for key, value in os.environ.items() if not key.startswith("OS_")}
    login = {
        "OS_AUTH_URL": server.auth_url,
        "OS_USERNAME": user,
        "OS_PASSWORD": PASSWORD,
        "OS_PROJECT_NAME": "demo",
        "OS_USER_DOMAIN_NAME": "Default",
        "OS_PROJECT_DOMAIN_NAME": "Default",
        "OS_IDENTITY_API_VERSION": "3",
    }
    return subprocess.run(
        [OPENSTACK, *arguments], env=clean | login, capture_output=True, text=True, timeout=100, check=False
    )


def openstack(server: Server, *arguments: str, user: str = "rea") -> Any:
    """What the command answers, as JSON."""
    done = attempt(server, *arguments, "-f", "json", user=user)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout[min(at for c in "[{" if (at := done.stdout.find(c)) >= 0) :])


def test_datastores_and_versions(server: Server) -> None:
    (datastore,) = openstack(server, "datastore", "list")
    assert datastore["Name"] == "mariadb"
    shown = openstack(server, "datastore", "show", "mariadb")
    assert shown["default_version"] == "10.11"
    (version,) = openstack(server, "datastore", "version", "list", "mariadb")
    assert (version["Name"], version["Version"]) == ("10.11", "10.11")
    by_name = openstack(server, "datastore", "version", "show", "10.11", "--datastore", "mariadb")
    by_id = openstack(server, "datastore", "version", "show", version["ID"])
    assert by_name == by_id
    assert by_name["datastore"] == datastore["ID"]
    operators = openstack(server, "datastore", "version", "list", "mariadb", user="ada")
    assert {version["Name"] for version in operators} == {"10.6", "10.11"}


def test_flavors(server: Server) -> None:
    flavors = openstack(server, "database", "flavor", "list")
    assert [(flavor["ID"], flavor["Name"], flavor["RAM"]) for flavor in flavors][:2] == [
        (1, "db.tiny", 512),
        (2, "db.small", 1024),
    ]
    assert openstack(server, "database", "flavor", "show", "db.small")["id"] == 2
    assert openstack(server, "database", "flavor", "show", "2")["name"] == "db.small"
    (version,) = openstack(server, "datastore", "version", "list", "mariadb")
    of_version = ["--datastore-type", "mariadb", "--datastore-version-id", version["ID"]]
    assert openstack(server, "database", "flavor", "list", *of_version) == flavors


def test_configuration_parameters(server: Server) -> None:
    of_version = ["10.11", "--datastore", "mariadb"]
    listed = openstack(server, "database", "configuration", "parameter", "list", *of_version)
    assert [(row["Name"], row["Type"], row["Restart Required"]) for row in listed] == [
        ("max_connections", "integer", False),
        ("skip_name_resolve", "boolean", True),
    ]
    shown = openstack(
        server, "database", "configuration", "parameter", "show", *of_version[:1], "max_connections",
        *of_version[1:],
    )  # fmt: skip
    assert (shown["min"], shown["max"]) == (10, 100000)


def test_limits(server: Server) -> None:
    done = attempt(server, "database", "limit", "list")
    assert done.returncode == 0, done.stderr
    assert "max_instances" in done.stdout


def test_deleting_a_datastore_with_versions_is_refused_in_words(server: Server) -> None:
    refused = attempt(server, "datastore", "delete", "mariadb", user="ada")
    assert refused.returncode != 0
    assert "has versions" in refused.stderr
    assert "has versions" not in attempt(server, "datastore", "delete", "mariadb").stderr  # not an operator
