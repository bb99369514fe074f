"""The real agent program around an engine that can be told to be slow, to fail and to die.

Run as ``python -m tests.integration.guestagent.fake_agent --config PATH``. The "server" is a sleeping
process; each verb is written to ``calls`` in the state directory. A database called ``slow…`` is created
when the file ``release`` is there, ``broken…`` fails as an engine fails, ``fault…`` as a bug does.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from guestagent.__main__ import main
from guestagent.engines.base import EngineManager, Probe
from guestagent.errors import EngineFailed, EngineNotReady
from guestagent.protocol.guest_config import GuestConfig
from guestagent.protocol.secret import Secret
from guestagent.protocol.types import (
    ConfigurationApplied,
    DatabaseSpec,
    DatastoreStatus,
    Page,
    UserInfo,
    UserRef,
    UserSpec,
)
from guestagent.runtimes.base import Runtime, ServerProgram


class SleepRuntime(Runtime):
    """Only what the agent itself calls."""

    def __init__(self, config: GuestConfig) -> None:
        self.pid_file = Path(config.state_path) / "server.pid"

    def start(self, program: ServerProgram) -> None:
        if not self.is_running():
            server = subprocess.Popen(program.argv, start_new_session=True)
            self.pid_file.write_text(str(server.pid))

    def stop(self, *, timeout_seconds: float, stop_signal: int = 15) -> None:
        if self.is_running():
            os.kill(int(self.pid_file.read_text()), signal.SIGKILL)
        self.pid_file.unlink(missing_ok=True)

    def is_running(self) -> bool:
        try:
            pid = int(self.pid_file.read_text())
            return "sleep" in Path(f"/proc/{pid}/cmdline").read_text()
        except (OSError, ValueError):
            return False


class FakeManager(EngineManager):
    def __init__(self, config: GuestConfig) -> None:
        super().__init__(config, SleepRuntime(config))  # type: ignore[abstract]
        self.state = Path(config.state_path)

    def _note(self, text: str) -> None:
        with (self.state / "calls").open("a") as calls:
            calls.write(text + "\n")

    def prepare(self, overrides: Mapping[str, Any]) -> None:
        self._note("prepare")
        self.start()
        (self.state / "prepared").touch()

    def is_prepared(self) -> bool:
        return (self.state / "prepared").exists()

    def start(self) -> None:
        self._note("start")
        self.runtime.start(ServerProgram(("/bin/sleep", "600"), self.state / "server.log"))

    def stop(self, timeout_seconds: float) -> None:
        self._note("stop")
        self.runtime.stop(timeout_seconds=timeout_seconds)

    def probe(self) -> Probe:
        if not self.runtime.is_running():
            return Probe(DatastoreStatus.CRASHED)
        return Probe(DatastoreStatus.HEALTHY, "1.0")

    def apply_configuration(self, overrides: Mapping[str, Any]) -> ConfigurationApplied:
        return ConfigurationApplied(restart_required=False)

    def resize(self, memory_mb: int, vcpus: int) -> None: ...

    def upgrade(self, version: str) -> None: ...

    def settle_upgrade(self) -> None: ...

    def revert_upgrade(self) -> None: ...

    def create_databases(self, databases: Sequence[DatabaseSpec]) -> None:
        for database in databases:
            self._note(f"begin {database.name}")
            if database.name.startswith("slow"):
                while not (self.state / "release").exists():
                    time.sleep(0.01)
            if database.name.startswith("broken"):
                raise EngineFailed("the server said no")
            if database.name.startswith("fault"):
                raise RuntimeError("a bug")
            self._note(f"end {database.name}")

    def delete_database(self, name: str) -> None: ...

    def list_databases(self, limit: int | None, marker: str | None, include_marker: bool) -> Page:
        if not self.is_prepared():
            raise EngineNotReady("not yet")
        return Page(items=({"name": "shop"},))

    def create_users(self, users: Sequence[UserSpec]) -> None:
        for user in users:
            if user.name == "leak":
                raise RuntimeError(f"cannot create it with {user.password.reveal()}")
            if user.name == "tell":
                raise EngineFailed(f"syntax error near '{user.password.reveal()}'")

    def delete_user(self, user: UserRef) -> None: ...

    def get_user(self, user: UserRef) -> UserInfo:
        return UserInfo(name=user.name, host=user.host, databases=("shop",))

    def list_users(self, limit: int | None, marker: str | None, include_marker: bool) -> Page:
        return Page(items=(UserInfo(name="ann"),), next_marker="ann@%")

    def update_user(
        self, user: UserRef, *, new_name: str | None, new_password: Secret | None, new_host: str | None
    ) -> None: ...

    def grant_access(self, user: UserRef, databases: Sequence[str]) -> None: ...

    def revoke_access(self, user: UserRef, database: str) -> None: ...

    def enable_root(self, password: Secret) -> None: ...

    def disable_root(self) -> None: ...


# The verbs that only a real engine needs are not there.
for part in (SleepRuntime, FakeManager):
    part.__abstractmethods__ = frozenset()

if __name__ == "__main__":
    code = main(sys.argv[1:], load=FakeManager)
    sys.stderr.flush()
    os._exit(code)
