"""Keeps the agent of one server as its record wants it; called again and again, it never waits."""

import contextlib
import logging
import os
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from instances.providers.base import ProviderError
from instances.providers.local import files, images, processes
from instances.providers.local.layout import IMAGE, Desired, Layout, ServerRecord, ServerStatus

log = logging.getLogger(__name__)

_FIRST_PAUSE_SECONDS: Final = 0.2
_LONGEST_PAUSE_SECONDS: Final = 30.0
#: An agent that lasted so long did come up.
_STEADY_SECONDS: Final = 30.0
_AGENT_STOP_SECONDS: Final = 5.0
_DATABASE_STOP_SECONDS: Final = 60.0
_LOG_BYTES: Final = 16 * 1024 * 1024
_PROJECT: Final = Path(__file__).resolve().parents[3]


class Keeper:
    """`agent` is the command line that an agent is started with, before ``--config``."""

    def __init__(self, layout: Layout, name: str, agent: Sequence[str]) -> None:
        self._layout = layout
        self._folder = layout.server(name)
        self._agent = tuple(agent)
        self._status = self._folder.status()
        self._child: subprocess.Popen[bytes] | None = None
        self._stopper: subprocess.Popen[bytes] | None = None
        self._started_at = 0.0
        self._start_not_before = 0.0
        self._kill_at: float | None = None
        self.is_down = False

    def tick(self, *, go_down: bool) -> None:
        """One step towards what the record wants; `go_down` overrides it. May raise OSError."""
        self._reap()
        record = self._folder.record()
        if record is None or record.desired is Desired.DELETED:
            self._leave()
            return
        if go_down or record.desired is Desired.STOPPED or record.reboot != self._status.rebooted:
            self._take_down(record)
            if go_down or not self.is_down:
                return
            self._note(rebooted=record.reboot, failures=0)
        if record.desired is Desired.RUNNING:
            self.is_down = False
            self._keep_up(record)

    def watched_pids(self) -> list[int]:
        """Processes whose end should lead to the next tick at once."""
        pids = [process.pid for process in (self._child, self._stopper) if process is not None]
        holder = files.lock_holder(self._folder.agent_lock)
        return pids if holder is None or holder in pids else [*pids, holder]

    def _reap(self) -> None:
        if self._child is None or self._child.poll() is None:
            return
        code, self._child = self._child.returncode, None
        lasted = time.monotonic() - self._started_at
        log.warning("agent of %s ended with code %s after %.1f s", self._folder.path.name, code, lasted)
        was_asked = code == os.EX_OK
        failures = 0 if was_asked or lasted >= _STEADY_SECONDS else self._status.failures + 1
        self._pause(failures, f"The guest agent ended with code {code}.")

    def _pause(self, failures: int, fault: str) -> None:
        pause = min(_FIRST_PAUSE_SECONDS * 2 ** min(failures, 16) / 2, _LONGEST_PAUSE_SECONDS)
        self._start_not_before = time.monotonic() + pause
        self._note(state="ended", pid=None, failures=failures, fault=fault)

    def _leave(self) -> None:
        """It is being deleted, by whoever asked for that; only our own child is ours to end."""
        self.is_down = self._child is None
        if self._child is not None:
            self._child.terminate()

    def _keep_up(self, record: ServerRecord) -> None:
        self._rotate_log()
        holder = files.lock_holder(self._folder.agent_lock)
        if holder is not None:
            steady = time.monotonic() - self._started_at >= _STEADY_SECONDS
            self._note(state="running", pid=holder, failures=0 if steady else self._status.failures)
        elif self._child is None and time.monotonic() >= self._start_not_before and self._mount(record):
            self._start()

    def _mount(self, record: ServerRecord) -> bool:
        """Have the volume where the agent looks for it; False, and a pause, when that does not work."""
        volume = self._layout.read_volume(record.volume) if record.volume else None
        if volume is None or not volume.has_image:
            return True
        folder = self._layout.volume(volume.name)
        try:
            images.mount(folder / IMAGE, folder / "data")
        except (OSError, ProviderError) as error:
            log.warning("%s: the volume cannot be mounted: %s", self._folder.path.name, error)
            self._pause(self._status.failures + 1, f"The volume cannot be mounted: {error}")
            return False
        return True

    def _start(self) -> None:
        # Under the lock that a deletion is recorded under: after that, nothing is started.
        with files.locked(self._layout.lock):
            record = self._folder.record()
            if record is None or record.desired is not Desired.RUNNING:
                return
            self._child = self._spawn()
        self._started_at = time.monotonic()
        log.info("agent of %s started as process %s", self._folder.path.name, self._child.pid)

    def _take_down(self, record: ServerRecord) -> None:
        """First the agent, which would start the engine again; then the engine, by the agent's program."""
        if self.is_down:
            return
        agent = processes.is_agent_of(self._folder)
        if self._stopper is None:
            if self._end_agent(agent):
                self._stopper = self._spawn("--stop-database", str(_DATABASE_STOP_SECONDS))
                self._kill_at = time.monotonic() + _DATABASE_STOP_SECONDS + 10
            return
        if self._stopper.poll() is None:
            if self._kill_at is not None and time.monotonic() >= self._kill_at:
                self._stopper.kill()
            return
        if self._stopper.returncode != 0:
            log.warning("%s: the database did not stop cleanly", self._folder.path.name)
            engine = processes.is_engine_of(record)
            processes.end(engine, ask=signal.SIGQUIT, patience_seconds=2.0)
        self._stopper = self._kill_at = None
        if record.volume and not images.unmount_below(self._layout.volume(record.volume)):
            log.warning("%s: the volume is in use and stays mounted", self._folder.path.name)
        self.is_down = True
        self._note(state="stopped", pid=None, fault=None)

    def _end_agent(self, agent: processes.Match) -> bool:
        """Ask it once, kill it at the time limit; True when there is none."""
        pids = processes.find(agent)
        if not pids:
            self._kill_at = None
            return True
        if self._kill_at is None:
            self._kill_at = time.monotonic() + _AGENT_STOP_SECONDS
            processes.send(signal.SIGTERM, agent, pids)
        elif time.monotonic() >= self._kill_at:
            processes.send(signal.SIGKILL, agent, pids)
        return False

    def _spawn(self, *arguments: str) -> "subprocess.Popen[bytes]":
        """Start the agent's program in a session of its own: it outlives the daemon, and its signals."""
        descriptor = os.open(self._folder.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            return subprocess.Popen(
                [*self._agent, "--config", str(self._folder.guest_config), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=descriptor,
                stderr=descriptor,
                start_new_session=True,
                cwd="/",
                env=_environment(),
            )
        finally:
            os.close(descriptor)

    def _note(self, **changes: object) -> None:
        status: ServerStatus = msgspec.structs.replace(self._status, **changes)
        if status != self._status:
            self._folder.write_status(status)
            self._status = status

    def _rotate_log(self) -> None:
        """Keep one old log. The agent appends, so its file can be emptied under it."""
        with contextlib.suppress(FileNotFoundError):
            if self._folder.log.stat().st_size > _LOG_BYTES:
                files.write_atomically(self._folder.path / "agent.log.1", self._folder.log.read_bytes())
                os.truncate(self._folder.log, 0)


def _environment() -> dict[str, str]:
    """What an agent needs and no more: the daemon's own may hold the control plane's secrets."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TZ") if name in os.environ}
    # One memory arena instead of one per thread: a fifth less resident memory.
    return {**kept, "PYTHONPATH": str(_PROJECT), "MALLOC_ARENA_MAX": "1"}
