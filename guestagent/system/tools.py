"""Short-lived programs: run with a time limit, ended with all their children."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from guestagent.errors import EngineFailed, EngineTimeout
from guestagent.system.files import Owner

SEARCH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#: Nothing of the agent's own environment: it is nobody's business, and locale changes what tools print.
CLEAN_ENVIRONMENT: Mapping[str, str] = {"PATH": SEARCH_PATH, "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"}


@dataclass(frozen=True, slots=True)
class ToolResult:
    exit_code: int
    stdout: bytes
    stderr: bytes


def run(
    argv: Sequence[str],
    *,
    timeout_seconds: float,
    stdin: bytes = b"",
    env: Mapping[str, str] | None = None,
    owner: Owner | None = None,
    folder: Path = Path("/"),
) -> ToolResult:
    """Run to the end as `owner` (default: ourselves), in `folder`. Raises EngineTimeout or EngineFailed."""
    name = argv[0].rpartition("/")[2]
    try:
        process = subprocess.Popen(
            argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=folder,
            env={**CLEAN_ENVIRONMENT, **(env or {})},
            start_new_session=True,
            umask=0o077,
            **as_owner(owner),
        )
    except OSError as error:
        raise EngineFailed(f"{name} cannot be started: {error.strerror}") from error
    with process:
        try:
            stdout, stderr = process.communicate(stdin, timeout=timeout_seconds)
        except subprocess.TimeoutExpired as error:
            raise EngineTimeout(f"{name} did not end within {timeout_seconds:g} seconds") from error
        finally:
            if process.returncode is None:
                _kill_group(process.pid)
    return ToolResult(process.returncode, stdout, stderr)


def _kill_group(leader: int) -> None:
    """The leader is not reaped yet, so its id can't belong to anybody else."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(leader, signal.SIGKILL)


def as_owner(owner: Owner | None) -> dict[str, Any]:
    """Arguments of Popen that make the child run as `owner`, with no group besides its own."""
    if owner is None or owner.is_current:
        return {}
    return {"user": owner.uid, "group": owner.gid, "extra_groups": []}
