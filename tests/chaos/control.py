"""What the control database holds, asked again and again: one program that answers a line for each line."""

import json
import subprocess
import sys
from contextlib import suppress
from dataclasses import asdict, dataclass

from compose.local.layout import PROJECT_ROOT
from compose.local.processes import BY_NAME
from tests.e2e.leftovers import ControlState
from tests.e2e.stack import PrivateStack


@dataclass(frozen=True, slots=True)
class Control(ControlState):
    """And the messages that no broker has taken yet."""

    outbox: int


class ControlReader:
    """Close it after use."""

    def __init__(self, stack: PrivateStack) -> None:
        self._program = subprocess.Popen(
            [sys.executable, "-m", "tests.chaos.control"],
            env=BY_NAME["api"].environment(stack.layout, stack.environment),
            cwd=PROJECT_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def read(self) -> Control:
        assert self._program.stdin is not None
        assert self._program.stdout is not None
        self._program.stdin.write("\n")
        self._program.stdin.flush()
        return Control(**json.loads(self._program.stdout.readline()))

    def close(self) -> None:
        assert self._program.stdin is not None
        with suppress(OSError):
            self._program.stdin.close()
        self._program.wait(10)


def _answer_lines() -> None:
    from django.db import close_old_connections

    from dbaas.taskmanager.models import OutboxMessage
    from tests.e2e.leftovers import control_state

    for _ in sys.stdin:
        close_old_connections()
        found = Control(**asdict(control_state()), outbox=OutboxMessage.objects.count())
        sys.stdout.write(json.dumps(asdict(found)) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    import django

    django.setup()
    _answer_lines()
