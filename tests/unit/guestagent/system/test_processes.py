"""A process is its id and the moment it started."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from guestagent.system.processes import ProcessIdentity, holders_of, leaders_of, parent_of


@pytest.fixture
def child() -> Iterator["subprocess.Popen[bytes]"]:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process
        process.kill()


def identity_of(pid: int) -> ProcessIdentity:
    identity = ProcessIdentity.of(pid)
    assert identity is not None
    return identity


def test_signalled_and_waited_for(child: "subprocess.Popen[bytes]") -> None:
    identity = identity_of(child.pid)
    assert identity.is_alive
    assert not identity.wait(0)
    assert identity.send(signal.SIGKILL)
    assert identity.wait(30)
    assert ProcessIdentity.of(child.pid) is None, "a zombie is dead"
    child.wait(30)
    assert identity.wait(0)
    assert not identity.send(signal.SIGKILL)


def test_a_stranger_of_the_same_id_is_left_alone(child: "subprocess.Popen[bytes]") -> None:
    identity = identity_of(child.pid)
    strangers = (
        msgspec.structs.replace(identity, started_ticks=identity.started_ticks + 1),
        msgspec.structs.replace(identity, boot_id="another"),
    )
    for stranger in strangers:
        assert not stranger.is_alive
        assert not stranger.send(signal.SIGKILL)
        assert stranger.wait(0)
    assert child.poll() is None


def test_ids_that_nobody_has() -> None:
    assert ProcessIdentity.of(2**22 + 1) is None
    assert parent_of(2**22 + 1) is None


def test_names_with_brackets_and_blanks_are_read_right(tmp_path: Path) -> None:
    program = tmp_path / "a) R (b"
    program.symlink_to("/bin/cat")
    with subprocess.Popen([str(program)], stdin=subprocess.PIPE) as process:
        assert parent_of(process.pid) == os.getpid()
        assert identity_of(process.pid).is_alive


def test_who_has_a_file_open(tmp_path: Path, child: "subprocess.Popen[bytes]") -> None:
    path = tmp_path / "file"
    assert holders_of(path) == []
    with path.open("w") as mine:
        holder = subprocess.Popen(
            [sys.executable, "-c", "input()"], stdin=subprocess.PIPE, pass_fds=(mine.fileno(),)
        )
        with holder:
            assert holders_of(path) == [holder.pid]
            assert [leader.pid for leader in leaders_of(path)] == [holder.pid]
            holder.kill()
