"""Engines as processes of this host, from its packages.

The server is started in a session of its own with its output in a file, so that it outlives the agent. Which
process it is, is known by three things, so that a crash at any point leaves neither an unknown server nor a
second one:

* ``server.lock`` is locked before the server is started and its descriptor handed down: it stays locked for
  as long as the server, or anything that the server started, lives. Whoever can lock it knows there is none.
* ``server.json`` holds the server's id, start time and boot. It is removed before a start and written after,
  so a held lock without a record means: started, and the agent died before it could write.
* ``change.lock`` lets one agent at a time start or stop.
"""

import contextlib
import os
import pwd
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from guestagent.errors import EngineFailed, EngineTimeout
from guestagent.runtimes.base import Program, Runtime, ServerProgram, ToolResult
from guestagent.system import programs, tools
from guestagent.system.files import Owner, ensure_directory, own_tree, remove_tree, write_atomically
from guestagent.system.locks import LockTimeout, file_lock, lock_within, open_lock, try_lock
from guestagent.system.processes import ProcessIdentity, holders_of, leaders_of

CHANGE_TIMEOUT_SECONDS = 300.0
KILL_TIMEOUT_SECONDS = 15.0
#: Users with a name under which tools may run that insist on one, in order of preference.
NAMED_USERS = ("postgres", "mysql", "nobody")


class ProcessRuntime(Runtime):
    """One server of this host. Any number of these objects, in any process, may look after the same one."""

    def __init__(self, folder: Path, owner: Owner) -> None:
        """`folder` is for the runtime's own files; `owner` is the database user."""
        self._folder = folder
        self._owner = owner
        self._server_lock = folder / "server.lock"
        self._change_lock = folder / "change.lock"
        self._record = folder / "server.json"
        self._child: subprocess.Popen[bytes] | None = None

    # programs and files

    def find_program(self, name: str, version: str) -> Program | None:
        matching = (found for found in programs.find(name) if programs.is_version(found.version, version))
        return next(matching, None)

    def find_tool(self, server: Program, name: str) -> Path | None:
        return programs.find_beside(server.path, name)

    def run_tool(
        self,
        argv: Sequence[str],
        *,
        timeout_seconds: float,
        stdin: bytes = b"",
        env: Mapping[str, str] | None = None,
    ) -> ToolResult:
        return tools.run(argv, timeout_seconds=timeout_seconds, stdin=stdin, env=env, owner=self._owner)

    def fill_directory(self, path: Path, argv: Sequence[str], *, timeout_seconds: float) -> ToolResult:
        filler = self._named_owner()
        remove_tree(path)
        ensure_directory(path, owner=filler)
        result = tools.run(argv, timeout_seconds=timeout_seconds, owner=filler)
        self.give_to_database_user(path)
        return result

    def run_on_trees(
        self, argv: Sequence[str], trees: Sequence[Path], *, timeout_seconds: float
    ) -> ToolResult:
        worker = self._named_owner()
        for tree in trees:
            own_tree(tree, worker)
        result = tools.run(argv, timeout_seconds=timeout_seconds, owner=worker, folder=trees[-1])
        for tree in trees:
            self.give_to_database_user(tree)
        return result

    def give_to_database_user(self, path: Path) -> None:
        own_tree(path, self._owner)

    def make_directory(self, path: Path, mode: int = 0o700) -> None:
        ensure_directory(path, mode=mode, owner=self._owner)

    def write_file(self, path: Path, content: str, mode: int = 0o600) -> None:
        write_atomically(path, content, mode=mode, owner=self._owner)

    # the server

    def start(self, program: ServerProgram) -> None:
        with self._changing():
            if self._find_server() is not None:
                return
            lock = open_lock(self._server_lock)
            try:
                if not try_lock(lock):
                    self._end_leftovers()
                    if not lock_within(lock, KILL_TIMEOUT_SECONDS):
                        raise EngineFailed("processes of the server that ended before do not go away")
                self._spawn(program, lock)
            finally:
                os.close(lock)

    def stop(self, *, timeout_seconds: float, stop_signal: int = signal.SIGTERM) -> None:
        with self._changing():
            server = self._find_server()
            if server is not None:
                server.send(stop_signal)
                if not server.wait(timeout_seconds):
                    server.send(signal.SIGKILL)
                    if not server.wait(KILL_TIMEOUT_SECONDS):
                        raise EngineTimeout("the database server did not end, even when killed")
            self._reap()
            self._end_leftovers()
            self._record.unlink(missing_ok=True)

    def is_running(self) -> bool:
        self._reap()
        return self._find_server() is not None

    def server_pid(self) -> int | None:
        server = self._find_server()
        return server.pid if server is not None else None

    def _find_server(self) -> ProcessIdentity | None:
        recorded = self._read_record()
        if recorded is not None:
            return recorded if recorded.is_alive else None
        return None if self._lock_is_free() else self._find_unrecorded()

    def _find_unrecorded(self) -> ProcessIdentity | None:
        """Whoever got the lock from the agent that is gone."""
        return next(iter(leaders_of(self._server_lock)), None)

    def _spawn(self, program: ServerProgram, lock: int) -> None:
        self._record.unlink(missing_ok=True)
        log = self._open_log(program.log_file)
        try:
            self._child = subprocess.Popen(
                program.argv,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                env={**tools.CLEAN_ENVIRONMENT, **program.env},
                start_new_session=True,
                umask=0o077,
                pass_fds=(lock,),
                **tools.as_owner(self._owner),
            )
        except OSError as error:
            raise EngineFailed(f"{Path(program.argv[0]).name} cannot be started: {error.strerror}") from error
        finally:
            os.close(log)
        started = ProcessIdentity.of(self._child.pid)
        if started is not None:
            write_atomically(self._record, msgspec.json.encode(started))

    def _open_log(self, path: Path) -> int:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        log = os.open(path, flags, 0o600)
        if not self._owner.is_current:
            os.fchown(log, self._owner.uid, self._owner.gid)
        return log

    def _end_leftovers(self) -> None:
        """Kill what a dead server left running (backends, programs it started); wait until it is gone."""
        lock = open_lock(self._server_lock)
        try:
            if try_lock(lock):
                return
            for leftover in filter(None, map(ProcessIdentity.of, holders_of(self._server_lock))):
                leftover.send(signal.SIGKILL)
            if not lock_within(lock, KILL_TIMEOUT_SECONDS):
                raise EngineTimeout("what the database server had started did not end, even when killed")
        finally:
            os.close(lock)

    def _lock_is_free(self) -> bool:
        if not self._server_lock.exists():
            return True
        lock = open_lock(self._server_lock)
        try:
            return try_lock(lock)
        finally:
            os.close(lock)

    def _read_record(self) -> ProcessIdentity | None:
        try:
            return msgspec.json.decode(self._record.read_bytes(), type=ProcessIdentity)
        except (FileNotFoundError, msgspec.DecodeError):
            return None

    def _reap(self) -> None:
        if self._child is not None and self._child.poll() is not None:
            self._child = None

    @contextmanager
    def _changing(self) -> Iterator[None]:
        ensure_directory(self._folder)
        try:
            with file_lock(self._change_lock, timeout_seconds=CHANGE_TIMEOUT_SECONDS):
                yield
        except LockTimeout as error:
            raise EngineTimeout("somebody else is starting or stopping the database server") from error

    def _named_owner(self) -> Owner:
        """The database user if it has a name; else, as root, a system user that has one."""
        for name in (self._owner.uid, *NAMED_USERS):
            with contextlib.suppress(KeyError):
                entry = pwd.getpwuid(name) if isinstance(name, int) else pwd.getpwnam(name)
                # The database's group: through it the data path, which is the database user's, is reached.
                return Owner(entry.pw_uid, self._owner.gid)
        raise EngineFailed("initialising needs a user with a name, and this host has none that may be used")
