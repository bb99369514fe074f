"""The whole suite once more as an ordinary user, when it is root that runs the tests."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

NOBODY = 65534
ROOT_FOLDER = Path(__file__).parents[4]


def as_nobody(
    argv: list[str], environment: Mapping[str, str], timeout_seconds: float
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        argv, user=NOBODY, group=NOBODY, extra_groups=[], cwd=ROOT_FOLDER, env=dict(environment), check=False,
        capture_output=True, text=True, timeout=timeout_seconds,
    )  # fmt: skip


def interpreter_for_nobody(environment: Mapping[str, str]) -> str:
    """This one, or the system's of the same version with this one's packages: one's home may be closed."""
    for python in (sys.executable, f"/usr/bin/python{sys.version_info.major}.{sys.version_info.minor}"):
        try:
            if as_nobody([python, "-c", "import guestagent, pytest"], environment, 60).returncode == 0:
                return python
        except OSError:
            continue
    pytest.skip("an ordinary user can reach neither this project nor a Python to run it")


@pytest.mark.chaos
@pytest.mark.timeout(1800)
@pytest.mark.skipif(os.geteuid() != 0, reason="this is an ordinary user already")
def test_everything_works_for_an_ordinary_user(tmp_path: Path) -> None:
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join([str(ROOT_FOLDER), *filter(None, sys.path)]),
        "PYTHONDONTWRITEBYTECODE": "1",
        "HOME": "/nonexistent",
        "HYPOTHESIS_STORAGE_DIRECTORY": "/nonexistent",
    }
    python = interpreter_for_nobody(environment)
    command = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "not chaos"]
    ended = as_nobody([*command, str(Path(__file__).parent)], environment, timeout_seconds=1700)
    assert ended.returncode == 0, ended.stdout[-6000:] + ended.stderr[-2000:]
    assert " passed" in ended.stdout
