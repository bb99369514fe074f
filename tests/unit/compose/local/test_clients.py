"""openrc and clouds.yaml say the same, and a shell reads them."""

import json
import subprocess
from pathlib import Path

import pytest

from compose.local import clients, environment
from compose.local.layout import Layout


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_a_shell_gets_the_variables_and_forgets_older_ones(tmp_path: Path, shell: str) -> None:
    layout = Layout(tmp_path / "var")
    given = environment.ensure(layout, {})
    clients.write(layout, given)
    script = f". {layout.openrc('demo')} && env && command -v openstack"
    result = subprocess.run(
        [shell, "-c", script], env={"PATH": "/usr/bin:/bin", "OS_TOKEN": "stale"}, capture_output=True,
        text=True, check=True, timeout=30,
    )  # fmt: skip
    lines = result.stdout.splitlines()
    found = {line.split("=", 1)[0]: line.split("=", 1)[1] for line in lines if line.startswith("OS_")}
    assert found == clients.variables(given, "demo")
    assert lines[-1].endswith("/openstack")


def test_clouds_file_names_both_clouds(tmp_path: Path) -> None:
    layout = Layout(tmp_path / "var")
    given = environment.ensure(layout, {})
    clients.write(layout, given)
    content = "\n".join(line for line in layout.clouds.read_text().splitlines() if not line.startswith("#"))
    clouds = json.loads(content)["clouds"]
    assert clouds["dbaas-demo"]["auth"]["password"] == given.passwords["DEMO_PASSWORD"]
    assert clouds["dbaas-admin"]["auth"]["project_name"] == "admin"
