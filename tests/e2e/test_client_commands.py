"""Every command of the plugin against a running stack: what it prints, what it does, or how it is refused."""

from importlib.metadata import entry_points

import pytest

from compose.local.demo.client import Refused
from tests.e2e.client_commands import TABLE, Row, Scene
from tests.e2e.stack import PrivateStack

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(2400)]


def commands_of_the_plugin() -> set[str]:
    return {point.name.replace("_", " ") for point in entry_points(group="openstack.database.v1")}


def test_no_command_is_forgotten() -> None:
    commands = commands_of_the_plugin()
    assert len(commands) > 80
    assert {row.command for row in TABLE} == commands


def test_every_command(stack: PrivateStack) -> None:
    """One scene for all, since commands use what others made; every failure is told, not just the first."""
    scene = Scene(stack, stack.api("demo"), stack.api("admin"))
    version = scene.get("/datastores/mariadb")["datastore"]["versions"][0]
    flavors = [str(flavor["str_id"]) for flavor in scene.get("/flavors")["flavors"]]
    scene.names |= {
        "project": scene.member.project_id,
        "version": version["name"],
        "version_id": version["id"],
        "flavor": flavors[0],
        "larger": flavors[1],
    }
    failures = [problem for row in TABLE if (problem := _try(row, scene))]
    assert not failures, "\n\n".join(failures)


def _try(row: Row, scene: Scene) -> str | None:
    typed = f"openstack {row.command} {' '.join(row.arguments)}"
    try:
        _run(row, scene)
    except (AssertionError, LookupError, ValueError, OSError) as error:
        return f"{typed}\n  {type(error).__name__}: {str(error)[:1500]}"
    return None


def _run(row: Row, scene: Scene) -> None:
    arguments = [text.format(**scene.names) for text in row.arguments]
    client = scene.stack.client(row.cloud)
    try:
        printed = client.run(*row.command.split(), *arguments)
    except Refused as refusal:
        assert row.refused is not None, f"refused: {refusal}"
        assert row.refused in str(refusal), f"refused with other words: {refusal}"
    else:
        assert row.refused is None, f"not refused; it printed {printed}"
        assert row.prints.format(**scene.names) in printed, f"it printed {printed}"
    if row.effect is not None:
        row.effect(scene)
