"""How an engine runs. Managers say *what* to run; runtimes know *how*."""

import abc
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from guestagent.system.programs import Program
from guestagent.system.tools import ToolResult

__all__ = ["Program", "Runtime", "ServerProgram", "ToolResult"]


@dataclass(frozen=True, slots=True)
class ServerProgram:
    """A database server to keep running: started detached, so that it outlives the agent."""

    argv: tuple[str, ...]
    log_file: Path
    env: Mapping[str, str] = field(default_factory=dict)
    stop_signal: int = 15


class Runtime(abc.ABC):
    """Runs one server and short-lived tools beside it, as the database user.

    *Idempotent*: `start` (a server that runs is left alone), `stop` (one that doesn't is success).
    *Cheap, never raises*: `is_running`.
    """

    @abc.abstractmethod
    def find_program(self, name: str, version: str) -> Program | None:
        """The newest server program of this name and version ("10.11"); None when it is not installed."""

    @abc.abstractmethod
    def find_tool(self, server: Program, name: str) -> Path | None:
        """A tool that came with `server`."""

    @abc.abstractmethod
    def start(self, program: ServerProgram) -> None:
        """Returns when the process exists; whether it answers is the manager's to find out."""

    @abc.abstractmethod
    def stop(self, *, timeout_seconds: float, stop_signal: int = 15) -> None:
        """Ask by `stop_signal`, insist by SIGKILL at the time limit; returns when it is gone."""

    @abc.abstractmethod
    def is_running(self) -> bool: ...

    def server_pid(self) -> int | None:
        """The server's process as this host knows it; None when there is none, or it is not known."""
        return None

    @abc.abstractmethod
    def run_tool(
        self,
        argv: Sequence[str],
        *,
        timeout_seconds: float,
        stdin: bytes = b"",
        env: Mapping[str, str] | None = None,
    ) -> ToolResult:
        """Run to the end or kill it with its children at the time limit (raises EngineTimeout)."""

    @abc.abstractmethod
    def fill_directory(self, path: Path, argv: Sequence[str], *, timeout_seconds: float) -> ToolResult:
        """Make `path` anew and empty, run a tool that fills it, and give it to the database user.

        For tools that refuse to run under a user without a name (initdb): the tool may run as another user
        than the database's.
        """

    @abc.abstractmethod
    def run_on_trees(
        self, argv: Sequence[str], trees: Sequence[Path], *, timeout_seconds: float
    ) -> ToolResult:
        """Run, in the last of `trees`, such a tool on what is there; its user owns all of them meanwhile."""

    @abc.abstractmethod
    def give_to_database_user(self, path: Path) -> None:
        """Change the owner of a whole tree that nobody else is writing to."""

    @abc.abstractmethod
    def make_directory(self, path: Path, mode: int = 0o700) -> None:
        """Create a directory owned by the database user; one that exists gets owner and mode."""

    @abc.abstractmethod
    def write_file(self, path: Path, content: str, mode: int = 0o600) -> None:
        """Write a file owned by the database user, atomically."""
