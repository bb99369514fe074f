"""A host registered by eight at once is registered once, on every control database."""

import json
from pathlib import Path

import pytest

from tests.integration.dbaas.accounts.databases import KINDS, control_database, run

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("kind", KINDS)
def test_host_registered_by_many_at_once_is_registered_once(kind: str, tmp_path: Path) -> None:
    folder = tmp_path / "mariadb" / "parameters"
    folder.mkdir(parents=True)
    items = [{"name": f"p{number}", "type": "integer"} for number in range(200)]
    (folder / "10.11.json").write_text(json.dumps({"configuration-parameters": items}))
    with control_database(kind, tmp_path) as environment:
        run(["manage.py", "migrate", "datastores", "--skip-checks", "-v0"], environment)
        said = run(["-m", "tests.integration.datastores.register_racer", str(tmp_path)], environment)
    assert json.loads(said) == {
        "created": 3,
        "versions": ["mariadb 10.11", "mariadb 11.8", "mysql 8.4"],
        "defaults": ["mariadb 11.8", "mysql 8.4"],
        "parameters": 200,
        "flavors": 6,
    }
