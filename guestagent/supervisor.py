"""Keeps the database server as it was asked to be, and knows how it is.

The server is a process of its own: it goes on when the agent stops. While the agent runs, a server that
should be up and is not is started again, at once and then ever more patiently.
"""

import enum
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from guestagent import logs
from guestagent.backoff import Backoff
from guestagent.engines.base import EngineManager, Probe
from guestagent.errors import GuestError
from guestagent.journal import Journal
from guestagent.protocol.types import DatastoreStatus

log = logging.getLogger(__name__)

#: A dead server is noticed within this time; looking costs a few microseconds.
WATCH_SECONDS: Final = 1.0
#: A server that lasted so long is not failing in a loop: the next restart is quick again.
STEADY_SECONDS: Final = 120.0
_ANSWERING: Final = frozenset({DatastoreStatus.HEALTHY, DatastoreStatus.RESTART_REQUIRED})
_DOWN: Final = frozenset({DatastoreStatus.SHUTDOWN, DatastoreStatus.CRASHED, DatastoreStatus.NEW})


class Desired(enum.StrEnum):
    """What was asked of the server last; kept in the journal."""

    RUNNING = "running"
    STOPPED = "stopped"


class Preparation(enum.StrEnum):
    """How far the server was made; kept in the journal. One that never came up is not started again."""

    BEGUN = "begun"
    FAILED = "failed"
    DONE = "done"


_UNPREPARED: Final = {
    None: DatastoreStatus.NEW,
    Preparation.BEGUN: DatastoreStatus.BUILDING,
    Preparation.FAILED: DatastoreStatus.FAILED,
    Preparation.DONE: DatastoreStatus.CRASHED,  # its data are gone
}


class Supervisor:
    """`on_change` is called, from whichever thread noticed, when the status is not what it was."""

    def __init__(
        self, manager: EngineManager, journal: Journal, *, probe_seconds: float, on_change: Callable[[], None]
    ) -> None:
        self.manager = manager
        #: Held by whoever changes the engine: the command being run, or the supervisor restarting it.
        self.engine_lock = threading.Lock()
        self._journal = journal
        self._probe_seconds = probe_seconds
        self._on_change = on_change
        self._phase: DatastoreStatus | None = None
        self._seen = Probe(DatastoreStatus.NEW)
        self._probed_at = float("-inf")
        self._is_prepared = False
        self._backoff = Backoff(1.0, 60.0)
        self._restart_not_before = 0.0
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="supervisor", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Stop watching; the server is left as it is."""
        self._stopping.set()
        self._wake.set()

    @property
    def seen(self) -> Probe:
        """The last look, or what is being done to the server right now."""
        phase = self._phase
        return Probe(phase, self._seen.version) if phase else self._seen

    def look_again(self) -> None:
        self._probed_at = float("-inf")
        self._wake.set()

    @contextmanager
    def phase(self, status: DatastoreStatus) -> Iterator[None]:
        """Report `status` while something is done to the server. The caller holds `engine_lock`."""
        self._phase = status
        self._on_change()
        try:
            yield
        finally:
            self._phase = None
            self._observe_again()

    @property
    def desired(self) -> Desired:
        return Desired(self._journal.get_fact("desired") or Desired.RUNNING)

    @desired.setter
    def desired(self, desired: Desired) -> None:
        self._journal.set_fact("desired", desired)
        self._restart_not_before = 0.0

    @property
    def preparation(self) -> Preparation | None:
        recorded = self._journal.get_fact("preparation")
        return Preparation(recorded) if recorded else None

    @preparation.setter
    def preparation(self, preparation: Preparation) -> None:
        self._journal.set_fact("preparation", preparation)

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._wake.wait(WATCH_SECONDS)
            self._wake.clear()
            try:
                self._watch()
            except Exception:  # whatever it was, the next look must happen
                log.exception("the look at the server failed")

    def _watch(self) -> None:
        if self._phase is None:
            self._observe()
        if self._seen.status is DatastoreStatus.CRASHED and time.monotonic() >= self._restart_not_before:
            self._restart()

    def _observe_again(self) -> None:
        """Look at once, so that the phase that ends is followed by the truth and not by an old look."""
        self._probed_at = float("-inf")
        try:
            self._observe(announce=True)
        except Exception:  # the outcome of what was done must not depend on the look after it
            log.exception("the look at the server failed")

    def _observe(self, *, announce: bool = False) -> None:
        before = self._seen
        seen = self._look()
        self._seen = seen if seen.version else Probe(seen.status, before.version, seen.detail)
        if seen.status is not before.status or announce:
            log.info("the server's status", extra={"status": seen.status.value, "detail": seen.detail})
            self._on_change()

    def _look(self) -> Probe:
        if not self._is_prepared:
            self._is_prepared = self.manager.is_prepared()
        if not self._is_prepared:
            return Probe(_UNPREPARED[self.preparation])
        if not self.manager.runtime.is_running():
            return Probe(self._status_when_down())
        if self._seen.status in _ANSWERING and not self._is_probe_due():
            return self._seen
        self._probed_at = time.monotonic()
        probe = self.manager.probe()
        # It may have died between the two looks.
        return Probe(self._status_when_down()) if probe.status in _DOWN else probe

    def _is_probe_due(self) -> bool:
        return time.monotonic() - self._probed_at >= self._probe_seconds

    def _status_when_down(self) -> DatastoreStatus:
        preparation = self.preparation
        if preparation in {Preparation.BEGUN, Preparation.FAILED}:
            return _UNPREPARED[preparation]
        return DatastoreStatus.CRASHED if self.desired is Desired.RUNNING else DatastoreStatus.SHUTDOWN

    def _restart(self) -> None:
        """Start a server that should be up, unless a command is at work on it already."""
        if not self.engine_lock.acquire(blocking=False):
            return
        try:
            if self._stopping.is_set() or self.desired is not Desired.RUNNING:
                return
            began = time.monotonic()
            with self.phase(DatastoreStatus.RESTARTING):
                self._start_logged()
            if began - self._restart_not_before > STEADY_SECONDS:
                self._backoff.reset()
            self._restart_not_before = time.monotonic() + self._backoff.next_seconds()
        finally:
            self.engine_lock.release()

    def _start_logged(self) -> None:
        log.warning("the server is down and should not be: starting it")
        try:
            self.manager.start()
        except GuestError as error:
            log.warning(
                "the server did not start", extra={"code": error.code, "reason": logs.redact(str(error))}
            )
        except Exception:
            log.exception("the server did not start")
