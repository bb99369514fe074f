"""The file of parameters is complete: what the real server says that users may change, and nothing else."""

import json
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
    words = ("_dir", "_path", "_file", "plugin", "_command", "librar", "socket", "listen", "bind", "port")
    harmless = {
        "report_port", "innodb_file_per_table", "max_binlog_files", "keep_files_on_create", "log_file_mode",
        "innodb_log_file_size", "open_files_limit", "innodb_open_files", "log_bin_compress",
        "max_files_per_process", "temp_file_limit", "innodb_support_xa", "log_temp_files", "log_import",
    }  # fmt: skip
    suspicious = {name for name in items for word in words if word in name} - harmless
    assert not {name for name in suspicious if items[name]["type"] == "string"}
    assert not suspicious & {"port", "datadir", "local_infile", "listen_addresses", "ssl"}
