"""The stack as an operator handles it: up twice, down and up, killed processes, the doctor."""

import json

import pytest

from compose.local.processes import PROCESSES
from tests.e2e.leftovers import processes_below
from tests.e2e.stack import PrivateStack, private_stack

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]


def test_everything_is_well_after_up(stack: PrivateStack) -> None:
    text, is_well = stack.status()
    assert is_well, text


def test_up_again_restarts_nothing(stack: PrivateStack) -> None:
    before = {process.name: stack.process(process.name).pid for process in PROCESSES}
    stack.up(stack.given)
    assert {name: stack.process(name).pid for name in before} == before


@pytest.mark.parametrize("name", [process.name for process in PROCESSES])
def test_a_killed_process_comes_back(stack: PrivateStack, name: str) -> None:
    process = stack.process(name)
    before = process.pid
    process.kill()
    stack.wait_until(lambda: process.pid not in {0, before}, timeout=30, what=f"{name} to come back")
    process.wait_until_ready()


def test_a_process_killed_to_stay_down_stays_down_until_started(stack: PrivateStack) -> None:
    process = stack.process("taskmanager")
    process.kill(stay_down=True)
    assert process.pid == 0
    assert [health.name for health in stack.health() if health.problem] == ["taskmanager"]
    process.start()
    process.wait_until_ready()


def test_doctor_finds_nothing_wrong(stack: PrivateStack) -> None:
    stack.wait_until_ready()
    findings = json.loads(stack.python("manage.py", "doctor", "--json"))
    assert not [finding for finding in findings if finding["level"] == "error"]


def test_clients_of_both_projects_are_let_in(stack: PrivateStack) -> None:
    for cloud in ("demo", "admin"):
        issued = stack.client(cloud).json("token", "issue")
        assert issued["project_id"] == stack.api(cloud).project_id


def test_a_fresh_stack_has_no_leftovers(stack: PrivateStack) -> None:
    assert not stack.leftovers()


def test_instances_come_back_after_down_and_up() -> None:
    with private_stack() as stack:
        openstack = stack.client()
        version = openstack.json("datastore", "version", "list", "mariadb")[0]["Name"]
        flavor = str(openstack.json("database", "flavor", "list")[0]["ID"])
        openstack.run(
            *("database", "instance", "create", "kept", "--datastore", "mariadb"),
            *("--datastore-version", version, "--flavor", flavor, "--size", "1"),
        )

        def is_healthy() -> bool:
            shown = openstack.json("database", "instance", "show", "kept")
            return (shown["status"], shown["operating_status"]) == ("ACTIVE", "HEALTHY")

        stack.wait_until(is_healthy, timeout=90, what="the instance")
        stack.down()
        assert not stack.supervisor.is_running()
        assert not processes_below(stack.local_path)
        stack.up(stack.given)
        stack.wait_until(is_healthy, timeout=90, what="the instance to be back")
