import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from datastores.models import Datastore, DatastoreVersion
from guestagent.engines import registry
from tests.unit.datastores.graphs import make_version

pytestmark = pytest.mark.django_db


def run(*arguments: str) -> str:
    out = StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue()


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    file = tmp_path / "rules.json"
    file.write_text(json.dumps({"configuration-parameters": [{"name": "a", "type": "integer", "max": 5}]}))
    return file


def test_version_create_run_twice_leaves_one_version() -> None:
    arguments = (
        "datastore_version_create",
        "mysql",
        "8.4",
        "mysql",
        "--version-number",
        "8.4.3",
        "--default",
    )
    assert "created" in run(*arguments, "--image-tags", "trove, mysql")
    assert "was there" in run(*arguments)
    version = DatastoreVersion.objects.get()
    assert (version.version, version.image_tags, version.active) == ("8.4.3", ["trove", "mysql"], True)
    assert Datastore.objects.get().default_version == version


def test_version_create_sets_activity_only_when_told() -> None:
    arguments = ("datastore_version_create", "mysql", "8.4", "mysql")
    run(*arguments, "--inactive")
    run(*arguments)
    assert not DatastoreVersion.objects.get().active
    run(*arguments, "--active")
    assert DatastoreVersion.objects.get().active


@pytest.mark.parametrize(
    "arguments",
    [
        ("mysql", "8.4"),
        ("my/sql", "8.4", "mysql"),
        ("mysql", "8.4", "oracle"),
        ("mysql", "8.4", "mysql", "--active", "--inactive"),
        ("mysql", "8.4", "mysql", "--image-id", "x", "--image-tags", "y"),
    ],
)
def test_version_create_refuses_what_does_not_fit(arguments: tuple[str, ...]) -> None:
    with pytest.raises(CommandError):
        run("datastore_version_create", *arguments)
    assert not Datastore.objects.exists()


def test_load_parameters_run_twice_changes_nothing_more(rules: Path) -> None:
    version = make_version(active=False)
    assert "1 parameters created" in run("load_config_parameters", "mariadb", "10.11", str(rules))
    assert "1 as they were" in run("load_config_parameters", "mariadb", "10.11", str(rules))
    assert version.parameters.get().maximum == 5


def test_load_parameters_takes_the_number_where_the_name_is_not_enough(rules: Path) -> None:
    make_version(version="10.11.2")
    new = make_version(version="10.11.6")
    with pytest.raises(CommandError, match="fits several"):
        run("load_config_parameters", "mariadb", "10.11", str(rules))
    run("load_config_parameters", "mariadb", "10.11", str(rules), "--version", "10.11.6")
    assert new.parameters.count() == 1


def test_load_parameters_says_what_is_missing(rules: Path) -> None:
    with pytest.raises(CommandError, match="Datastore 'mariadb' cannot be found"):
        run("load_config_parameters", "mariadb", "10.11", str(rules))
    with pytest.raises(CommandError, match="No such file"):
        run("load_config_parameters", "mariadb", "10.11", str(rules.with_name("gone")))


def test_register_local_offers_what_the_host_has() -> None:
    if not registry.host_versions():
        pytest.skip("no database server is installed on this host")
    run("register_local")
    expected = {(engine, series) for engine, found in registry.host_versions().items() for series in found}
    assert set(DatastoreVersion.objects.values_list("engine", "name")) == expected
    assert "was registered" in run("register_local")
    assert DatastoreVersion.objects.count() == len(expected)
