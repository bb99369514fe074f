"""The process runtime, with a server that only sleeps: who is started, found, ended, and who is not."""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from guestagent.errors import EngineFailed
from guestagent.runtimes.base import ServerProgram
from guestagent.runtimes.process import ProcessRuntime
from guestagent.system.files import Owner
from guestagent.system.processes import holders_of

#: Ignores SIGTERM and leaves a child of its own behind, like a server whose main process was killed.
STUBBORN = """
import os, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if os.fork() == 0:
    os.setsid()
print("started", flush=True)
time.sleep(600)
"""


class Server:
    def __init__(self, folder: Path) -> None:
        self.folder = folder / "runtime"
        self.log = folder / "log"

    def runtime(self) -> ProcessRuntime:
        return ProcessRuntime(self.folder, Owner.current())

    def program(self, *argv: str) -> ServerProgram:
        return ServerProgram(argv=argv or ("/bin/sleep", "600"), log_file=self.log)

    @property
    def processes(self) -> list[int]:
        return holders_of(self.folder / "server.lock")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path)
    yield server
    server.runtime().stop(timeout_seconds=0)
    assert server.processes == []


def test_started_once_and_stopped(server: Server) -> None:
    runtime = server.runtime()
    assert not runtime.is_running()
    runtime.stop(timeout_seconds=1)
    for _ in range(2):
        runtime.start(server.program())
        assert runtime.is_running()
    assert len(server.processes) == 1
    runtime.stop(timeout_seconds=30)
    assert not runtime.is_running()
    assert server.processes == []


def test_found_by_another_with_or_without_a_record(server: Server) -> None:
    server.runtime().start(server.program())
    (pid,) = server.processes
    for _ in range(2):
        successor = server.runtime()
        assert successor.is_running()
        successor.start(server.program())
        assert server.processes == [pid]
        (server.folder / "server.json").unlink(missing_ok=True)
    server.runtime().stop(timeout_seconds=30)
    assert server.processes == []


def test_the_stubborn_are_killed_with_what_they_left_behind(server: Server) -> None:
    runtime = server.runtime()
    runtime.start(server.program(sys.executable, "-c", STUBBORN))
    while server.log.read_text().count("started") < 2:
        assert runtime.is_running()
    runtime.stop(timeout_seconds=0.1)
    assert server.processes == []


def test_leftovers_of_a_killed_server_end_before_the_next_starts(server: Server) -> None:
    runtime = server.runtime()
    runtime.start(server.program(sys.executable, "-c", STUBBORN))
    while server.log.read_text().count("started") < 2:
        assert runtime.is_running()
    (main,) = [pid for pid in server.processes if os.getsid(pid) == pid and os.getpgid(pid) == pid][:1]
    before = set(server.processes)
    os.kill(main, signal.SIGKILL)
    while runtime.is_running():
        pass
    runtime.start(server.program())
    assert len(server.processes) == 1
    assert not before & set(server.processes)


def test_a_program_that_is_not_there(server: Server) -> None:
    with pytest.raises(EngineFailed, match="nothing cannot be started"):
        server.runtime().start(server.program("/nowhere/nothing"))
    assert not server.runtime().is_running()
    server.runtime().start(server.program())


def test_many_starters_one_server(server: Server) -> None:
    starters = [threading.Thread(target=lambda: server.runtime().start(server.program())) for _ in range(8)]
    for starter in starters:
        starter.start()
    for starter in starters:
        starter.join(60)
    assert len(server.processes) == 1


def test_its_log_is_not_written_through_a_link(server: Server, tmp_path: Path) -> None:
    server.log.symlink_to(tmp_path / "victim")
    with pytest.raises(OSError, match="symbolic"):
        server.runtime().start(server.program())
    assert not (tmp_path / "victim").exists()
