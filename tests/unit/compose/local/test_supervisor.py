"""A real supervisord with the configuration we make."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from compose.local import environment, processes
from compose.local.layout import Layout
from compose.local.supervisor import Supervisor, render_config


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    layout = Layout(tmp_path)
    environment.ensure(layout, {})
    running = Supervisor(layout)
    yield running
    running.shutdown()


def _until(look: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not look():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_configuration_names_every_process_and_no_secret(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    given = environment.ensure(layout, {})
    text = render_config(layout)
    assert all(f"[program:{process.name}]" in text for process in processes.PROCESSES)
    assert not [name for name in environment.secret_names() if given.settings.get(name, "?") in text]


def test_supervisor_starts_stops_and_starts_again(supervisor: Supervisor) -> None:
    supervisor.start()
    supervisor.start()
    assert {state.state for state in supervisor.states()} == {"STOPPED"}
    supervisor.shutdown()
    supervisor.shutdown()
    assert not supervisor.is_running()


def test_a_killed_process_comes_back_and_a_stopped_one_does_not(supervisor: Supervisor) -> None:
    # The host daemon needs nothing but its folder.
    supervisor.start()
    supervisor.start_process("host")
    _until(lambda: supervisor.state("host").state == "RUNNING")
    before = supervisor.state("host").pid
    os.kill(before, signal.SIGKILL)
    _until(lambda: supervisor.state("host").pid not in {0, before})
    supervisor.stop_process("host")
    supervisor.stop_process("host")
    assert supervisor.state("host").state == "STOPPED"
