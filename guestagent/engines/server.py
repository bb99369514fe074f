"""What operating a server has in common, whatever the engine: prepare, start, stop, probe."""

import abc
import logging
import os
import stat
import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from guestagent.engines import sizes
from guestagent.engines.base import EngineManager, EngineSpec, Parameter, Probe
from guestagent.engines.certificates import ensure_certificate
from guestagent.engines.layout import MAX_SOCKET_PATH, Layout
from guestagent.engines.overrides import Overrides
from guestagent.engines.upgrade import Upgrader
from guestagent.errors import ConfigurationRefused, EngineFailed, EngineNotReady, EngineTimeout, GuestError
from guestagent.logs import redact
from guestagent.protocol.guest_config import GuestConfig
from guestagent.protocol.types import ConfigurationApplied, DatastoreStatus
from guestagent.runtimes.base import Program, Runtime, ServerProgram
from guestagent.system.copying import copy_tree
from guestagent.system.files import ensure_directory, remove_tree, sync_directory, sync_tree
from guestagent.system.locks import LockTimeout, file_lock

log = logging.getLogger(__name__)

INITIALISE_TIMEOUT_SECONDS = 300.0
#: Crash recovery of a large server takes long; a start that takes longer goes on, and is reported as late.
START_TIMEOUT_SECONDS = 600.0
STOP_TIMEOUT_SECONDS = 60.0
PROBE_TIMEOUT_SECONDS = 2.0
POLL_SECONDS = 0.025
LOG_TAIL_BYTES = 8192


class StartingUp(EngineNotReady):
    """The server is there and says, or shows, that it does not take connections yet."""


class ServerManager(EngineManager):
    """Everything that survives a kill at any point, because the last step makes it valid:

    the data directory is filled beside its place, synced, and renamed into it; configuration, certificate and
    administrator's account are brought into order at each start. So a half-done prepare is simply done again.
    """

    spec: ClassVar[EngineSpec]

    def __init__(self, config: GuestConfig, runtime: Runtime) -> None:
        self.layout = Layout.of(config)
        super().__init__(sizes.applied(self.layout.size, config), runtime)
        self._overrides = Overrides(self.layout.overrides)
        self._upgrader = Upgrader(self)
        self._is_closed = False

    # what an engine fills in

    @abc.abstractmethod
    def _initialise(self, server: Program) -> None:
        """Fill `layout.staging` with a new data directory that belongs to the database user."""

    @abc.abstractmethod
    def _configure(self, overrides: Mapping[str, Any]) -> None:
        """Write the server's configuration files."""

    @abc.abstractmethod
    def _command(self, server: Program) -> ServerProgram: ...

    @abc.abstractmethod
    def _ask_version(self, timeout_seconds: float) -> str:
        """One query as administrator. Raises StartingUp, EngineNotReady, EngineTimeout or EngineFailed."""

    @property
    @abc.abstractmethod
    def _fixed_settings(self) -> Mapping[str, Any]:
        """What nobody may override."""

    @abc.abstractmethod
    def _apply_live(self, changed: Collection[str], wanted: Mapping[str, Any]) -> set[str]:
        """Make the running server use `wanted` for `changed`, or its default where `wanted` has nothing.

        Returns those that it can't change while it runs. Raises ConfigurationRefused.
        """

    @abc.abstractmethod
    def parameters(self) -> Iterable[Parameter]:
        """What the running server says of the parameters that users may change."""

    @property
    @abc.abstractmethod
    def _closed_arguments(self) -> tuple[str, ...]:
        """For a server that nobody but the administrator can reach."""

    def fill_upgraded(self, old: Program, new: Program) -> None:
        """Make `layout.upgraded` a copy of the data that `new` can be started with; the server is down."""
        copy_tree(self.layout.data, self.layout.upgraded)

    def complete_upgrade(self, new: Program) -> None:
        """What is left to do once the new server runs, closed, with the data."""

    def _secure(self) -> None:
        """What only a running server can be told; repeated at each start."""

    @property
    @abc.abstractmethod
    def _socket(self) -> Path: ...

    # prepare, start, stop

    def prepare(self, overrides: Mapping[str, Any]) -> None:
        server = self._server()
        self._make_directories()
        with self._preparing():
            self._upgrader.recover()
            if not self.is_prepared():
                self._overrides.replace(overrides)
                # Left over when the data directory was lost, or never came to be: nothing may write to it.
                self.runtime.stop(timeout_seconds=30, stop_signal=self._stop_signal)
                remove_tree(self.layout.staging)
                self._initialise(server)
                sync_tree(self.layout.staging)
                self.layout.staging.rename(self.layout.data)
                sync_directory(self.layout.volume)
            self.start()

    def is_prepared(self) -> bool:
        return self.layout.data.is_dir()

    def start(self) -> None:
        self._upgrader.recover()
        self.start_as_is()

    def start_as_is(self) -> None:
        """Start without a look at whether an upgrade was interrupted."""
        if not self.is_prepared():
            raise EngineNotReady("The database server has not been prepared.")
        if not self.runtime.is_running():
            self._make_directories()
            ensure_certificate(self.layout.tls, self.config.listen_address, self.runtime)
            self._launch()
        self._wait_until_ready(START_TIMEOUT_SECONDS)
        self._secure()

    def _launch(self) -> None:
        """Start with the user's overrides, or, when it ends with new ones, with those that it ran with."""
        try:
            self._launch_with(self._overrides.current())
        except EngineFailed as error:
            before = self._overrides.fall_back()
            if before is None:
                raise
            self._launch_with(before)
            self._secure()
            raise ConfigurationRefused(
                f"The server did not start with its new configuration and runs with the one before. {error}"
            ) from error
        self._overrides.proved()

    def _launch_with(self, overrides: Mapping[str, Any]) -> None:
        self._configure(overrides)
        program = self._command(self._server())
        if self._is_closed:
            program = replace(program, argv=(*program.argv, *self._closed_arguments))
        self.runtime.start(program)
        self._wait_until_ready(START_TIMEOUT_SECONDS)

    def stop(self, timeout_seconds: float) -> None:
        self.runtime.stop(timeout_seconds=timeout_seconds, stop_signal=self._stop_signal)

    _stop_signal: ClassVar[int] = 15

    @contextmanager
    def closed(self) -> Iterator[None]:
        """Run the server, which is down, so that nobody but the administrator can reach it."""
        self._is_closed = True
        try:
            self.start_as_is()
            yield
        finally:
            self._is_closed = False
            self.stop(STOP_TIMEOUT_SECONDS)

    # another size, another version

    def resize(self, memory_mb: int, vcpus: int) -> None:
        self.config = sizes.change(self.layout.size, self.config, memory_mb, vcpus)
        self.stop(STOP_TIMEOUT_SECONDS)
        self.start()

    @property
    def version(self) -> str:
        """Which the data are for."""
        return self._upgrader.version()

    def upgrade(self, version: str) -> None:
        self._upgrader.upgrade(version)

    def settle_upgrade(self) -> None:
        self._upgrader.settle()

    def revert_upgrade(self) -> None:
        self._upgrader.revert()

    # configuration

    def apply_configuration(self, overrides: Mapping[str, Any]) -> ConfigurationApplied:
        fixed = self._fixed_settings.keys() & {name.lower() for name in overrides}
        if fixed:
            raise GuestError(f"{min(fixed)} is not to be changed.", code="invalid_parameter")
        before = self._overrides.begin(overrides)
        try:
            waiting = self._apply(before, overrides)
        except GuestError:
            self._take_back(before, overrides)
            raise
        self._overrides.settle(restart_required=bool(waiting))
        return ConfigurationApplied(restart_required=bool(waiting), waiting=tuple(sorted(waiting)))

    def _apply(self, before: Mapping[str, Any], after: Mapping[str, Any]) -> set[str]:
        """Write the files and change the running server; the names that differ from its start and wait."""
        started = self._overrides.started_with()
        since_start = _differing(started, after)
        self._configure(after)
        if not self.runtime.is_running():
            return since_start
        return self._apply_live(_differing(before, after) | since_start, after) & since_start

    def _take_back(self, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
        try:
            self._apply(after, before)
        except GuestError as error:  # a server that is gone starts with the files, which are right again
            log.warning("the configuration was not taken back", extra={"reason": redact(str(error))})
        self._overrides.undo()

    def probe(self) -> Probe:
        try:
            if not self.runtime.is_running():
                return Probe(DatastoreStatus.SHUTDOWN if self.is_prepared() else DatastoreStatus.NEW)
            version = self._ask_version(PROBE_TIMEOUT_SECONDS)
            is_waiting = self._overrides.is_restart_required
            return Probe(
                DatastoreStatus.RESTART_REQUIRED if is_waiting else DatastoreStatus.HEALTHY, version=version
            )
        except StartingUp as error:
            return Probe(DatastoreStatus.RUNNING, detail=str(error))
        except GuestError as error:
            return Probe(DatastoreStatus.BLOCKED, detail=str(error))
        except Exception as error:
            return Probe(DatastoreStatus.UNKNOWN, detail=type(error).__name__)

    # helpers

    def _server(self) -> Program:
        return self.program_of(self.version)

    def program_of(self, version: str) -> Program:
        """Raises EngineFailed when it is not installed."""
        server = self.runtime.find_program(self.spec.server_program, version)
        if server is None or not self.spec.announces.search(server.vendor):
            raise EngineFailed(f"{self.spec.name} {version} is not installed.", code="engine_not_installed")
        return server

    def _make_directories(self) -> None:
        layout, state = self.layout, Path(self.config.state_path)
        for folder in (layout.state, layout.config, layout.tls, layout.log.parent):
            ensure_directory(folder, mode=0o711)
        # The database user goes through the agent's folder to its own files, and sees nothing else there.
        state.chmod(stat.S_IMODE(state.stat().st_mode) | 0o011)
        self.runtime.make_directory(layout.volume, 0o710)
        self.runtime.make_directory(layout.files)
        self.runtime.make_directory(layout.temporary)
        self.runtime.make_directory(layout.run)
        if len(os.fsencode(self._socket)) > MAX_SOCKET_PATH:
            raise EngineFailed(f"The state path is too long for a Unix socket: {self._socket}")

    def _wait_until_ready(self, timeout_seconds: float) -> None:
        deadline = time.monotonic() + timeout_seconds
        while True:
            try:
                self._ask_version(PROBE_TIMEOUT_SECONDS)
            except (EngineNotReady, EngineTimeout) as error:
                if not self.runtime.is_running():
                    raise EngineFailed(
                        f"The database server ended during its start. {self._last_words()}"
                    ) from error
                if time.monotonic() >= deadline:
                    raise EngineTimeout(
                        f"The database server is still starting after {timeout_seconds:g} seconds."
                    ) from error
                time.sleep(POLL_SECONDS)
            else:
                return

    def _last_words(self) -> str:
        """The last errors in the server's log: for a person to read, nothing is decided by it."""
        try:
            with self.layout.log.open("rb") as file:
                file.seek(max(0, self.layout.log.stat().st_size - LOG_TAIL_BYTES))
                lines = file.read().decode(errors="replace").splitlines()
        except OSError:
            return ""
        errors = [line for line in lines if "[ERROR]" in line or "FATAL:" in line]
        return f"It said: {' | '.join(errors[-3:])[:600]}" if errors else ""

    @contextmanager
    def _preparing(self) -> Iterator[None]:
        try:
            with file_lock(self.layout.prepare_lock, timeout_seconds=INITIALISE_TIMEOUT_SECONDS):
                yield
        except LockTimeout as error:
            raise EngineTimeout("somebody else is preparing this database server") from error


def _differing(one: Mapping[str, Any], other: Mapping[str, Any]) -> set[str]:
    missing = object()
    return {name for name in one.keys() | other.keys() if one.get(name, missing) != other.get(name, missing)}
