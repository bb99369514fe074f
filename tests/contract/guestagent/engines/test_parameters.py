"""The file of parameters is complete: what the real server says that users may change, and nothing else."""

import json
import re
from typing import Any

import pytest

from guestagent.engines.parameters import document, path_of
from guestagent.engines.server import ServerManager
from tests.contract.guestagent.engines.guest import Guest


@pytest.fixture
def items(guest: Guest) -> dict[str, dict[str, Any]]:
    content = json.loads(path_of(guest.engine, guest.version).read_text())
    return {item["name"]: item for item in content["configuration-parameters"]}


def test_file_has_every_parameter_that_users_may_change(
    manager: ServerManager, items: dict[str, dict[str, Any]]
) -> None:
    said = {
        item["name"]: item for item in json.loads(document(manager.parameters()))["configuration-parameters"]
    }
    assert items.keys() == said.keys()
    for name, item in items.items():
        assert (item["type"], item["restart_required"]) == (
            said[name]["type"],
            said[name]["restart_required"],
        )


def test_nothing_in_it_reaches_the_host(items: dict[str, dict[str, Any]]) -> None:
    host = re.compile(r"(_|^)(dir|path|file|plugin|command|library|libraries|socket|listen|bind|port)(_|$)")
    texts = {name for name, item in items.items() if item["type"] == "string"}
    assert not {name for name in texts if host.search(name)}
    assert not items.keys() & {
        "port",
        "datadir",
        "local_infile",
        "secure_file_priv",
        "ssl",
        "skip_grant_tables",
    }
