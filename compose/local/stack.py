"""A whole stack on this machine: start it, stop it, look at it, remove it."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from compose.local import clients, environment, services
from compose.local.console import fail, say, step, table
from compose.local.environment import Environment
from compose.local.layout import PROJECT_ROOT, UMASK, Layout, write_private
from compose.local.processes import BY_NAME, PROCESSES, busy_ports
from compose.local.supervisor import RUNNER, ProcessState, Supervisor

_READY_SECONDS: Final = 60.0
_STARTS: Final = 3  # who has been started more often than this will not come up by waiting
_PROGRAM_SECONDS: Final = 180.0
_TEMPLATE_SECONDS: Final = 20.0
_SOURCES: Final = ("dbaas", "instances", "datastores", "backups", "guestagent", "compose")


@dataclass(frozen=True, slots=True)
class Health:
    """How one process is. `problem` is None when it serves."""

    name: str
    state: ProcessState | None
    problem: str | None


class Stack:
    """The stack whose files are in `layout`. Methods raise Failure with what to do about it."""

    def __init__(self, layout: Layout, *, runner: str = RUNNER) -> None:
        self.layout = layout
        self.supervisor = Supervisor(layout, runner)

    @property
    def environment(self) -> Environment:
        return environment.read(self.layout) or fail("There is no stack here yet: run `make up`.")

    def up(self, given: Mapping[str, str] | None = None) -> None:
        """Start what is not running and wait until all of it serves. Running it again changes nothing."""
        is_first = environment.read(self.layout) is None
        settings = environment.ensure(self.layout, given)
        services.ensure(self.layout, settings)
        clients.write(self.layout, settings)
        if self._is_current() and not any(health.problem for health in self.health()):
            return
        with step("Preparing the control database, datastores and accounts"):
            self.initialise(is_first=is_first)
        with step("Starting " + ", ".join(process.name for process in PROCESSES)), self._warming_templates():
            self._start_processes(settings)
            self.wait_until_ready()
        write_private(self.layout.run / "version", self._version())

    def initialise(self, *, is_first: bool = False) -> None:
        """Migrate, register datastores, set up the broker, create the first projects and users."""
        given = self.environment
        passwords = {"admin": given.passwords["ADMIN_PASSWORD"], "demo": given.passwords["DEMO_PASSWORD"]}
        stdin = json.dumps({"passwords": passwords, "is_first": is_first})
        log = self.layout.log("initialise")
        result = self._python("-m", "compose.local.initialise", stdin=stdin, log=log)
        if result != 0:
            fail(f"Preparing failed; the end of {log}:\n\n{_tail(log)}")

    @contextmanager
    def _warming_templates(self) -> Iterator[None]:
        """Beside the start: data directories to copy, so that the first instance is as quick as the others.

        Not needed: what is missing is made when it is wanted, so a failure stays in its log.
        """
        templates = Path(self.environment.parsed()["LOCAL_PATH"]) / "templates"
        command = [sys.executable, "-m", "guestagent.engines.template", str(templates)]
        with self.layout.log("templates").open("w") as log:
            warming = subprocess.Popen(
                command, cwd=PROJECT_ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        yield
        with suppress(subprocess.TimeoutExpired):  # a slow one ends by itself: it has a time limit of its own
            warming.wait(_TEMPLATE_SECONDS)

    def wait_until_ready(self, timeout_seconds: float = _READY_SECONDS) -> None:
        """Raises Failure naming who is not up, at the deadline or when one keeps ending."""
        deadline = time.monotonic() + timeout_seconds
        pids: dict[str, set[int]] = {process.name: set() for process in PROCESSES}
        while True:
            ill = [health for health in self.health() if health.problem]
            if not ill:
                return
            for health in ill:
                pids[health.name] |= {health.state.pid} if health.state and health.state.pid else set()
            hopeless = [health for health in ill if len(pids[health.name]) > _STARTS]
            if hopeless or time.monotonic() > deadline:
                fail(self._explain(hopeless or ill))
            time.sleep(0.1)

    def health(self) -> list[Health]:
        """Every process as it is now; bounded in time."""
        if not self.supervisor.is_running():
            return [Health(process.name, None, "is stopped") for process in PROCESSES]
        parsed = self.environment.parsed()
        found = []
        for state in self.supervisor.states():
            problem = None if state.state == "RUNNING" else f"is {state.state.lower()}"
            found.append(Health(state.name, state, problem or BY_NAME[state.name].check(parsed)))
        return found

    def down(self) -> None:
        """Stop everything cleanly, the instances' agents and databases too. Data stays."""
        if environment.read(self.layout) is None:
            return
        self._stop_ours()
        services.stop_private(self.layout)

    def stop_instances(self) -> None:
        path = self.environment.parsed()["LOCAL_PATH"]
        if not Path(path).exists():
            return
        log = self.layout.log("stop-all")
        if self._python("-m", "instances.providers.local.host", "--path", path, "stop-all", log=log) != 0:
            fail(f"Not every instance stopped; the end of {log}:\n\n{_tail(log)}")

    def restart(self) -> None:
        """Restart our processes with the settings as they are now; the instances' databases run on."""
        self.supervisor.shutdown()
        self.up()

    def clean(self) -> None:
        """Remove everything `up` made: processes, instances, broker account and virtual host, files."""
        known = environment.read(self.layout)
        if known is not None:
            self._stop_ours()
            parsed = known.parsed()
            services.stop_private(self.layout)
            if not services.are_private(self.layout):
                with step("Removing our account and queues from RabbitMQ"):
                    services.ensure(self.layout, known)
                    services.delete_account(known)
            if not parsed["DATABASE_URL"].startswith("sqlite:"):
                say("  The control database is not ours to drop: remove it by hand if you want it gone.")
            shutil.rmtree(parsed["LOCAL_PATH"], ignore_errors=True)
        shutil.rmtree(self.layout.var, ignore_errors=True)

    def status(self) -> tuple[str, bool]:
        """A table for people, and whether all is well."""
        rows = []
        healths = self.health()
        for health in healths:
            pid = str(health.state.pid or "") if health.state else ""
            uptime = _duration(health.state.uptime_seconds) if health.state else ""
            rows.append((health.name, "up" if health.problem is None else health.problem, pid, uptime))
        return table(("process", "state", "pid", "since"), rows), not any(h.problem for h in healths)

    def manage(self, *arguments: str) -> int:
        """Run manage.py with this stack's settings, on this terminal."""
        process_environment = BY_NAME["api"].environment(self.layout, self.environment)
        process_environment.pop("PROMETHEUS_MULTIPROC_DIR", None)
        command = [sys.executable, "manage.py", *arguments]
        result = subprocess.run(command, cwd=PROJECT_ROOT, env=process_environment, umask=UMASK, check=False)
        return result.returncode

    def _stop_ours(self) -> None:
        with step("Stopping our processes"):
            self.supervisor.shutdown()
        with step("Stopping the instances"):
            self.stop_instances()

    def _start_processes(self, settings: Environment) -> None:
        if not self.supervisor.is_running():
            if busy := busy_ports(settings.parsed()):
                fail(f"{busy[0]}. Choose another, for example: {_setting_of(busy[0])}=… make up")
            shutil.rmtree(self.layout.metrics, ignore_errors=True)
            self.layout.make_folders()
        elif not self._is_current():
            self.supervisor.shutdown()
        self.supervisor.start()
        for process in sorted(PROCESSES, key=lambda process: process.starts):
            self.supervisor.start_process(process.name)

    def _is_current(self) -> bool:
        """Whether what runs was started with these settings and this code."""
        try:
            return (self.layout.run / "version").read_text() == self._version()
        except FileNotFoundError:
            return False

    def _version(self) -> str:
        digest = hashlib.sha256(self.layout.env.read_bytes())
        for package in _SOURCES:
            for path in sorted((PROJECT_ROOT / package).rglob("*.py")):
                digest.update(f"{path}:{path.stat().st_mtime_ns}\n".encode())
        return digest.hexdigest()

    def _python(self, *arguments: str, log: Path, stdin: str = "") -> int:
        self.layout.make_folders()
        with log.open("w") as output:
            result = subprocess.run(
                [sys.executable, *arguments], input=stdin, text=True, stdout=output, stderr=output,
                cwd=PROJECT_ROOT, env=BY_NAME["api"].environment(self.layout, self.environment),
                timeout=_PROGRAM_SECONDS, umask=UMASK, check=False,
            )  # fmt: skip
        return result.returncode

    def _explain(self, ill: list[Health]) -> str:
        lines = ["Not everything came up:"]
        for health in ill:
            log = self.layout.log(health.name)
            lines += [f"  {health.name} {health.problem}; its log is {log} and ends so:", _tail(log, 12)]
        return "\n".join(lines)


def _setting_of(sentence: str) -> str:
    return sentence[sentence.index("(") + 1 : sentence.index(")")]


def _tail(path: Path, lines: int = 25) -> str:
    try:
        return "\n".join(f"    {line}" for line in path.read_text(errors="replace").splitlines()[-lines:])
    except OSError:
        return "    (there is no log)"


def _duration(seconds: int) -> str:
    hours, rest = divmod(seconds, 3600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}"


def default_layout() -> Layout:
    """The stack of this checkout, or the one that DBAAS_VAR names."""
    return Layout(Path(os.environ["DBAAS_VAR"]).resolve()) if os.environ.get("DBAAS_VAR") else Layout()
