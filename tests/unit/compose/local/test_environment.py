"""``var/env``: made once, kept, private."""

import stat
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from compose.local import clients, environment
from compose.local.layout import Layout
from compose.local.processes import BY_NAME, PROCESSES


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path / "var")


def test_first_call_makes_keys_and_second_keeps_them(layout: Layout) -> None:
    first = environment.ensure(layout, {})
    second = environment.ensure(layout, {})
    assert first == second == environment.read(layout)
    assert all(first.settings[key] for key in environment.KEYS)
    assert len({first.settings[key] for key in environment.KEYS}) == len(environment.KEYS)


def test_two_stacks_share_no_secret(tmp_path: Path) -> None:
    one, other = (environment.ensure(Layout(tmp_path / name), {}) for name in ("one", "other"))
    for name in environment.secret_names() & one.settings.keys() - {"RABBITMQ_MANAGEMENT_URL"}:
        assert one.settings[name] != other.settings[name]
    assert not set(one.passwords.values()) & set(other.passwords.values())


def test_given_settings_are_taken_and_kept(layout: Layout) -> None:
    environment.ensure(layout, {"BIND_PORT": "9001", "HOME": "/nowhere", "DBAAS_ROLE": "conductor"})
    kept = environment.ensure(layout, {})
    assert kept.settings["BIND_PORT"] == "9001"
    assert not {"HOME", "DBAAS_ROLE"} & kept.settings.keys()


def test_given_keys_do_not_replace_those_in_use(layout: Layout) -> None:
    first = environment.ensure(layout, {})
    second = environment.ensure(layout, {"SECRET_KEY": "another"})
    assert second.settings["SECRET_KEY"] == first.settings["SECRET_KEY"]


def test_a_value_that_does_not_fit_is_named_and_nothing_is_written(layout: Layout) -> None:
    with pytest.raises(ImproperlyConfigured, match="BIND_PORT"):
        environment.ensure(layout, {"BIND_PORT": "many"})
    assert not layout.env.exists()


def test_values_with_quotes_and_spaces_survive(layout: Layout) -> None:
    odd = "a 'b' \"c\" $d #e \\f = g"
    environment.ensure(layout, {"REGION_NAME": odd})
    found = environment.read(layout)
    assert found is not None
    assert found.settings["REGION_NAME"] == odd


def test_files_with_secrets_are_private(layout: Layout) -> None:
    clients.write(layout, environment.ensure(layout, {}))
    files = [path for path in layout.var.iterdir() if path.is_file()]
    assert {path.name for path in files} == {"env", "openrc", "adminrc", "clouds.yaml", "credentials"}
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in files)


def test_each_process_is_told_only_the_secrets_it_needs(layout: Layout) -> None:
    given = environment.ensure(layout, {})
    told = {process.name: process.environment(layout, given) for process in PROCESSES}
    assert {name for name in told if "COMMAND_SIGNING_KEY" in told[name]} == {"api", "taskmanager"}
    assert {name for name in told if "INST_RPC_KEY_ENCR_KEY" in told[name]} == {
        "api",
        "taskmanager",
        "conductor",
    }
    assert not environment.secret_names() & told["host"].keys()
    for name, variables in told.items():
        assert not set(environment.PASSWORDS) & variables.keys(), name


def test_commands_hold_no_secret(layout: Layout) -> None:
    given = environment.ensure(layout, {})
    secrets = [given.settings[name] for name in environment.secret_names() if given.settings.get(name)]
    secrets += given.passwords.values()
    for process in BY_NAME.values():
        command = " ".join(process.command(layout, given.parsed()))
        assert not [secret for secret in secrets if secret in command], process.name
