"""Locks go with whoever held them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from guestagent.system.locks import LockTimeout, file_lock, lock_within, open_lock, try_lock


def test_one_at_a_time_also_within_a_process(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with (
        file_lock(path, timeout_seconds=1),
        pytest.raises(LockTimeout, match="lock was not released"),
        file_lock(path, timeout_seconds=0.05),
    ):
        pass
    with file_lock(path, timeout_seconds=0):
        pass


def test_released_by_an_error(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), file_lock(tmp_path / "lock", timeout_seconds=1):
        raise RuntimeError
    with file_lock(tmp_path / "lock", timeout_seconds=0):
        pass


def test_held_for_as_long_as_a_child_has_it(tmp_path: Path) -> None:
    """What tells a new agent that the server of the old one lives."""
    path = tmp_path / "lock"
    mine = open_lock(path)
    assert try_lock(mine)
    program = [sys.executable, "-c", "input()"]
    with subprocess.Popen(program, stdin=subprocess.PIPE, pass_fds=(mine,)) as child:
        os.close(mine)
        other = open_lock(path)
        try:
            assert not try_lock(other)
            child.kill()
            child.wait(30)
            assert lock_within(other, 30)
        finally:
            os.close(other)


def test_a_link_in_its_place_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic"):
        open_lock(tmp_path / "lock")
