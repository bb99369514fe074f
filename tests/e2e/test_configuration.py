"""Configuration groups through the real client, on real servers: attach, change, refuse, detach."""

import json
import secrets
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psutil
import psycopg
import pymysql
import pytest

from tests.e2e.stack import ApiSession, PrivateStack, private_stack

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]
WAIT_SECONDS = 180
PASSWORD = secrets.token_urlsafe(12)


@dataclass(frozen=True)
class Case:
    """What the scenario of Trove's own test does, by engine. PostgreSQL takes its parameter at a restart."""

    datastore: str
    values: tuple[int, int]
    needs_restart: bool


CASES = (Case("mariadb", (555, 666), False), Case("postgresql", (101, 102), True))


@pytest.fixture(scope="module")
def small_stack() -> Iterator[PrivateStack]:
    with private_stack(AGENT_CALL_HIGH_TIMEOUT="40", AGENT_CALL_LOW_TIMEOUT="10", HTTP_GET_RATE="0") as stack:
        yield stack


class Database:
    """An instance, as its owner sees it."""

    def __init__(self, stack: PrivateStack, case: Case) -> None:
        self.stack, self.case = stack, case
        self.api: ApiSession = stack.api()
        body = {
            "name": f"db-{case.datastore}", "flavorRef": 1, "volume": {"size": 1},
            "datastore": {"type": case.datastore}, "databases": [{"name": "shop"}],
            "users": [{"name": "ann", "password": PASSWORD, "databases": [{"name": "shop"}]}],
        }  # fmt: skip
        answer = self.api.post("/instances", json={"instance": body})
        assert answer.status_code == 200, answer.text
        self.id: str = answer.json()["instance"]["id"]

    def shown(self) -> dict[str, Any]:
        found: dict[str, Any] = self.api.get(f"/instances/{self.id}").json()["instance"]
        return found

    def wait(self, operating_status: str) -> dict[str, Any]:
        def look() -> dict[str, Any] | None:
            shown = self.shown()
            return (
                shown
                if (shown["status"], shown["operating_status"]) == ("ACTIVE", operating_status)
                else None
            )

        found = self.stack.wait_until(
            look, timeout=WAIT_SECONDS, what=f"{self.case} to be {operating_status}"
        )
        assert found is not None
        return found

    def settle(self) -> None:
        """As a user does after a change: wait, and restart where that is asked for."""
        if self.case.needs_restart:
            self.wait("RESTART_REQUIRED")
            self.stack.openstack("database", "instance", "restart", self.id)
        self.wait("HEALTHY")

    def max_connections(self) -> int:
        host = self.shown()["ip"][0]
        if self.case.datastore == "mariadb":
            with pymysql.connect(host=host, user="ann", password=PASSWORD, connect_timeout=20) as connection:
                cursor = connection.cursor()
                cursor.execute("SELECT @@GLOBAL.max_connections")
                row = cursor.fetchone()
        else:
            given = {"host": host, "user": "ann", "password": PASSWORD, "dbname": "shop"}
            with psycopg.connect(**given, connect_timeout=20) as connection:
                row = connection.execute("SHOW max_connections").fetchone()
        assert row is not None
        return int(row[0])


@pytest.fixture(params=CASES, ids=lambda case: case.datastore)
def database(request: pytest.FixtureRequest, small_stack: PrivateStack) -> Iterator[Database]:
    made = Database(small_stack, request.param)
    made.wait("HEALTHY")
    yield made
    made.api.delete(f"/instances/{made.id}")


def group_of(stack: PrivateStack, datastore: str, values: dict[str, Any]) -> str:
    """Made by the client; its id."""
    made = stack.client().json(
        *("database", "configuration", "create", f"group-{secrets.token_hex(3)}", json.dumps(values)),
        *("--datastore", datastore, "--datastore-version", version_of(stack, datastore)),
    )
    return str(made["id"])


def version_of(stack: PrivateStack, datastore: str) -> str:
    return str(stack.client().json("datastore", "version", "list", datastore)[0]["Name"])


def test_scenario_of_the_client(small_stack: PrivateStack, database: Database) -> None:
    openstack, case = small_stack.openstack, database.case
    default = database.max_connections()
    group = group_of(small_stack, case.datastore, {"max_connections": case.values[0]})
    assert small_stack.client().json("database", "configuration", "show", group)["instance_count"] == 0

    openstack("database", "configuration", "attach", database.id, group)
    database.settle()
    assert database.max_connections() == case.values[0]
    used = small_stack.client().json("database", "configuration", "instances", group)
    assert [item["ID"] for item in used] == [database.id]
    assert database.shown()["configuration"]["id"] == group

    changed = json.dumps({"max_connections": case.values[1]})
    openstack("database", "configuration", "parameter", "set", group, changed)
    database.settle()
    assert database.max_connections() == case.values[1]

    openstack("database", "configuration", "detach", database.id)
    database.settle()
    assert database.max_connections() == default
    openstack("database", "configuration", "delete", group)
    defaults = openstack("database", "configuration", "default", database.id)
    assert "max_connections" in defaults


def test_a_value_that_the_server_refuses_is_undone_and_told(
    small_stack: PrivateStack, database: Database
) -> None:
    """The rules let it through; only the server knows that there is no such language or table space."""
    bad = {"mariadb": {"lc_time_names": "xx_XX"}, "postgresql": {"lc_messages": "no such locale"}}
    group = group_of(small_stack, database.case.datastore, bad[database.case.datastore])
    small_stack.openstack("database", "configuration", "attach", database.id, group)
    shown = database.wait("HEALTHY")
    assert "configuration" not in shown
    assert next(iter(bad[database.case.datastore])) in shown["fault"]["message"]
    assert database.max_connections() > 0
    small_stack.openstack("database", "configuration", "delete", group)


def test_the_living_are_done_at_once_and_the_dead_are_told(small_stack: PrivateStack) -> None:
    """One guest is frozen: the other gets the change meanwhile, and the group says which did not."""
    case = CASES[0]
    living, dead = Database(small_stack, case), Database(small_stack, case)
    for database in (living, dead):
        database.wait("HEALTHY")
    group = group_of(small_stack, case.datastore, {"max_connections": 111})
    for database in (living, dead):
        small_stack.openstack("database", "configuration", "attach", database.id, group)
    for database in (living, dead):
        database.wait("HEALTHY")
        assert database.max_connections() == 111

    pids = guest_processes(small_stack, dead.id)
    for pid in pids:
        subprocess.run(["kill", "-STOP", str(pid)], check=True)
    try:
        body = {"configuration": {"values": {"max_connections": 222}}}
        answer = living.api.patch(f"/configurations/{group}", json=body)
        assert (answer.status_code, answer.text) == (200, "")
        living.wait("HEALTHY")
        assert living.max_connections() == 222
        assert dead.max_connections() == 111

        def failures() -> list[dict[str, Any]]:
            shown = living.api.get(f"/configurations/{group}").json()["configuration"]
            found: list[dict[str, Any]] = shown["failed_instances"]
            return found

        failed = small_stack.wait_until(failures, timeout=WAIT_SECONDS, what="the dead one to be told")
        assert [(item["id"], item["code"]) for item in failed] == [(dead.id, "guest_silent")]
    finally:
        for pid in pids:
            subprocess.run(["kill", "-CONT", str(pid)], check=True)

    again = living.api.patch(f"/configurations/{group}", json=body)
    assert again.status_code == 200
    dead.wait("HEALTHY")
    small_stack.wait_until(lambda: not failures(), timeout=WAIT_SECONDS, what="the fault to be gone")
    assert dead.max_connections() == 222


def guest_processes(stack: PrivateStack, instance_id: str) -> list[int]:
    """The agent's, not the database server's."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        line = " ".join(process.info["cmdline"] or [])
        if instance_id in line and "guestagent" in line:
            found.append(process.pid)
    assert found
    return found
