"""Puts the parts together: what serves what, in which order they start and stop."""

import gc
import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

from guestagent.app import Stopper, build_app, run_worker
from guestagent.broker import BrokerPublisher
from guestagent.config import AGENT_VERSION
from guestagent.dispatcher import Dispatcher
from guestagent.engines.base import EngineManager
from guestagent.executor import Executor
from guestagent.journal import Journal
from guestagent.protocol.envelope import now_ms
from guestagent.protocol.guest_config import GuestConfig
from guestagent.protocol.reports import Heartbeat
from guestagent.reporter import Reporter, Sealer
from guestagent.supervisor import Supervisor
from guestagent.tasks import Intake, register
from guestagent.volume import Volume

log = logging.getLogger(__name__)

ManagerLoader = Callable[[GuestConfig], EngineManager]

_STOP_SECONDS: Final = 1.0
_PRUNE_SECONDS: Final = 3600.0
_RETENTION_SECONDS: Final = 7 * 86400.0


def load_manager(config: GuestConfig) -> EngineManager:
    """The manager of the configured engine over the configured runtime; imports only those two."""
    from guestagent.engines import registry as engines
    from guestagent.runtimes import registry as runtimes

    manager: EngineManager = engines.load_manager(config.engine)(config, runtimes.build(config))
    return manager


class Agent:
    """One guest's agent. It never touches the server when it stops."""

    def __init__(self, config: GuestConfig, manager: EngineManager) -> None:
        self._config = config
        self._journal = Journal(Path(config.state_path) / "journal.sqlite3")
        self._volume = Volume(Path(config.data_path))
        self._app = build_app(config)
        self._reporter = Reporter(
            Sealer(config, self._journal),
            self._journal,
            BrokerPublisher(self._app, heartbeat_seconds=config.heartbeat_seconds),
            heartbeat=self._heartbeat,
            heartbeat_seconds=config.heartbeat_seconds,
        )
        self._supervisor = Supervisor(
            manager, self._journal, probe_seconds=config.heartbeat_seconds, on_change=self._reporter.beat
        )
        self._executor = Executor(Dispatcher(self._supervisor), self._journal, self._reporter)
        self._intake = Intake(config, self._journal, self._executor, self._reporter)
        self._stopper = Stopper()
        self._stopped = threading.Event()
        register(self._app, self._intake)

    def run(self) -> None:
        """Serve until SIGTERM."""
        self._stopper.install()
        log.info("starting", extra={"engine": self._config.engine, "agent_version": AGENT_VERSION})
        self._prune()
        # What was left over goes first, so that it is neither overtaken nor taken for a crash.
        self._intake.resume()
        self._executor.start()
        self._supervisor.start()
        self._reporter.start()
        threading.Thread(target=self._keep_house, name="housekeeping", daemon=True).start()
        try:
            run_worker(self._app, self._stopper, on_started=_settle_memory)
        finally:
            self._stop()

    def _stop(self) -> None:
        self._stopped.set()
        self._supervisor.stop()
        self._executor.stop(_STOP_SECONDS)
        self._reporter.stop(_STOP_SECONDS)
        log.info("stopped")

    def _heartbeat(self) -> Heartbeat:
        seen = self._supervisor.seen
        use = self._volume.use()
        return Heartbeat(
            datastore_status=seen.status,
            agent_version=AGENT_VERSION,
            engine_version=seen.version,
            volume_used_bytes=use.used_bytes if use else None,
            volume_total_bytes=use.total_bytes if use else None,
        )

    def _keep_house(self) -> None:
        while not self._stopped.wait(_PRUNE_SECONDS):
            self._prune()

    def _prune(self) -> None:
        keep_seconds = max(_RETENTION_SECONDS, self._config.command_max_age_seconds * 2)
        try:
            self._journal.prune(finished_before_ms=now_ms() - int(keep_seconds * 1000))
        except Exception:  # a full disk, say: the next hour will do
            log.exception("old outcomes could not be removed from the journal")


def _settle_memory() -> None:
    """What start-up made stays for good: keep the collector from walking through it."""
    gc.collect()
    gc.freeze()
