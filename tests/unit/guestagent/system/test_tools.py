"""Tools: what they print and how they end, within a time, with nothing of ours and nothing left over."""

import os
from pathlib import Path

import pytest

from guestagent.errors import EngineFailed, EngineTimeout
from guestagent.system.files import Owner
from guestagent.system.processes import ProcessIdentity
from guestagent.system.tools import run


def test_input_output_and_exit_code() -> None:
    result = run(["/bin/sh", "-c", "cat; echo problem >&2; exit 3"], timeout_seconds=30, stdin=b"in")
    assert (result.exit_code, result.stdout, result.stderr) == (3, b"in", b"problem\n")


def test_the_environment_is_not_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLANTED_SECRET", "x")
    shown = run(["env"], timeout_seconds=30, env={"GIVEN": "1"}).stdout.decode()
    assert "PLANTED_SECRET" not in shown
    assert "GIVEN=1" in shown
    assert "LC_ALL=C.UTF-8" in shown


def test_ended_with_its_children_at_the_time_limit(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    script = f"sleep 600 & echo $! $$ > {pids}; wait"
    with pytest.raises(EngineTimeout, match="sh did not end"):
        run(["/bin/sh", "-c", script], timeout_seconds=1)
    for pid in map(int, pids.read_text().split()):
        identity = ProcessIdentity.of(pid)
        assert identity is None or identity.wait(30)


def test_what_is_not_there_is_named_without_its_arguments() -> None:
    with pytest.raises(EngineFailed, match="nothing cannot be started") as failed:
        run(["/nowhere/nothing", "--password=x"], timeout_seconds=5)
    assert "--password" not in str(failed.value)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_run_as_a_user_without_name_and_without_groups() -> None:
    shown = run(["/bin/sh", "-c", "id -u; id -G"], timeout_seconds=30, owner=Owner(64999, 64998)).stdout
    assert shown.split() == [b"64999", b"64998"]
