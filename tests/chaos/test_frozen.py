"""A worker that stands still in the middle of an effect, loses its operation, and then goes on."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import pytest

from compose.local.layout import PROJECT_ROOT
from compose.local.processes import BY_NAME
from tests.chaos.bench import Bench
from tests.chaos.conftest import Rack
from tests.chaos.gatekeeper import GO_ON, Trap, Word
from tests.chaos.scenarios import SCENARIOS
from tests.chaos.tenant import new_instance_body
from tests.chaos.trial import known_points

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(300)]

_REAP_AT_ONCE = """
import django; django.setup()
from datetime import timedelta
from instances import reaper
reaper.GRACE = timedelta(0)
reaper.remove_leftovers()
"""
#: What a creation makes outside of the control database.
_EFFECTS = [
    point.name
    for point in known_points()
    if point.scenario == "create" and "/ensure_" in point.name and point.name.endswith("/before")
]


@contextmanager
def second_worker(bench: Bench) -> Iterator[None]:
    process = BY_NAME["taskmanager"]
    environment = process.environment(bench.stack.layout, bench.stack.environment)
    command = process.command(bench.stack.layout, bench.stack.settings)
    worker = subprocess.Popen(
        [*command, "--hostname", "second@%h"], cwd=PROJECT_ROOT, start_new_session=True,
        env={**environment, "TASKMANAGER_METRICS_PORT": "0"},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield
    finally:
        worker.terminate()
        worker.wait(30)


@pytest.mark.parametrize("effect", _EFFECTS)
def test_what_a_frozen_worker_makes_too_late_is_removed(rack: Rack, effect: str) -> None:
    """Meanwhile another worker has finished the creation, and the instance has been deleted."""
    bench = rack.bench()
    bench.settle()
    taskmanager = bench.stack.process("taskmanager")
    quota = bench.control().quota

    def freeze() -> Word:
        taskmanager.pause()
        return GO_ON

    frozen = Trap(effect, freeze)
    with second_worker(bench), bench.keeper.trap(frozen):
        body = new_instance_body(rack.tenant().datastore, "user1", "a-password-for-user1")
        answer = bench.request("POST", "/instances", body, expect=200)
        instance_id = answer.json()["instance"]["id"]
        frozen.wait(60)
        assert bench.end_of(answer.headers["X-Operation-Id"])["state"] == "succeeded"
        bench.wait_healthy(instance_id)
        deletion = bench.request("DELETE", f"/instances/{instance_id}", expect=202)
        assert bench.end_of(deletion.headers["X-Operation-Id"])["state"] == "succeeded"
        thawed = Trap(effect.replace("/before", "/after"), lambda: GO_ON)
        with bench.keeper.trap(thawed):
            taskmanager.resume()
            thawed.wait(60)
    bench.stack.python("-c", _REAP_AT_ONCE)
    bench.assert_gone(instance_id)
    bench.assert_quiet(quota)


@pytest.mark.parametrize("scenario", ["create_users", "delete", "restart"])
def test_two_workers_at_one_operation_do_it_once(rack: Rack, scenario: str) -> None:
    """The first is frozen before its first step and goes on when the second has ended the operation."""
    bench = rack.bench()
    bench.settle()
    attempt = SCENARIOS[scenario](bench, rack.tenant())
    first = next(
        point.name
        for point in known_points()
        if point.scenario == scenario and point.name.endswith("/step/before")
    )
    pid = bench.stack.process("taskmanager").pid

    def freeze() -> Word:
        os.killpg(pid, signal.SIGSTOP)
        return GO_ON

    frozen = Trap(first, freeze)
    with second_worker(bench), bench.keeper.trap(frozen):
        operation_id = attempt.ask()
        frozen.wait(60)
        ended = bench.end_of(operation_id)
        os.killpg(pid, signal.SIGCONT)
    assert psutil.pid_exists(pid)
    assert ended["state"] == attempt.ends, ended
    bench.settle()
    attempt.check()
