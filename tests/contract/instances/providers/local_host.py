"""The host daemon of the local provider, run as it is run for real."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from instances.providers.local import files, images, processes
from instances.providers.local.layout import Layout

ROOT = Path(__file__).resolve().parents[4]


def eventually(look: Callable[[], Any], *, seconds: float = 30.0, what: str = "") -> Any:
    """What `look` gives once it is true; fails the test at the deadline."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, f"never came true: {what}"
        time.sleep(0.02)
    return found


@contextmanager
def passable_folder() -> Iterator[Path]:
    """A folder that other users may pass through, which pytest's own ones are not."""
    with tempfile.TemporaryDirectory(prefix="dbaas-", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o711)
        yield Path(name)


class LocalHost:
    """A host daemon on a path of its own; leaves nothing running."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.layout = Layout(path)
        self.log = path.parent / "host.log"
        self.daemon: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.daemon is not None and self.daemon.poll() is None:
            self.daemon.kill()
            self.daemon.wait(10)
        for name in self.layout.server_names():
            folder = self.layout.server(name)
            record = folder.record()
            processes.end(processes.is_agent_of(folder), ask=signal.SIGKILL, patience_seconds=5)
            if record is not None:
                processes.end(processes.is_engine_of(record), ask=signal.SIGKILL, patience_seconds=5)
        images.unmount_below(self.layout.volumes)

    def start(self) -> None:
        self.daemon = daemon = self._spawn()
        eventually(lambda: files.lock_holder(self.layout.host_lock) == daemon.pid, what="host daemon")

    def end(self, number: int = signal.SIGTERM) -> int:
        assert self.daemon is not None
        self.daemon.send_signal(number)
        return self.daemon.wait(15)

    def run(self, verb: str) -> subprocess.CompletedProcess[str]:
        """Another verb of the program, to its end."""
        return subprocess.run(
            self._command(verb),
            env=self._environment(),
            capture_output=True,
            text=True,
            timeout=170,
            check=False,
        )

    def agent_pid(self, name: str) -> int | None:
        return files.lock_holder(self.layout.server(name).agent_lock)

    def agents(self, name: str) -> list[int]:
        return processes.find(processes.is_agent_of(self.layout.server(name)))

    def _spawn(self) -> "subprocess.Popen[bytes]":
        with self.log.open("ab") as log:
            return subprocess.Popen(self._command("run"), env=self._environment(), stdout=log, stderr=log)

    def _command(self, verb: str) -> list[str]:
        return [sys.executable, "-m", "instances.providers.local.host", "--path", str(self.path), verb]

    def _environment(self) -> dict[str, str]:
        return {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "PLANTED_SECRET": "of-the-control-plane"}
