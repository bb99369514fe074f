"""A private stack on the rack: probes in it, cuttable ways to its servers, and eyes for what it leaves."""

import os
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import psutil

from instances.providers.local import files
from tests.chaos.control import Control, ControlReader
from tests.chaos.gatekeeper import Gatekeeper
from tests.chaos.proxy import Proxy
from tests.chaos.run import gate_path
from tests.e2e.leftovers import broker_names
from tests.e2e.stack import ApiSession, PrivateStack, Servers, private_stack

#: Every operation must have ended so long after the harm.
END_SECONDS: Final = 60.0
_FINAL: Final = {"succeeded", "failed", "cancelled"}
_UNLIMITED: Final = {f"HTTP_{verb}_RATE": "1000000" for verb in ("GET", "POST", "PUT", "DELETE")}


class Bench:
    """All that scenarios, harms and tests need. Made by `bench()`."""

    def __init__(
        self, stack: PrivateStack, keeper: Gatekeeper, control: ControlReader, ways: dict[str, Proxy]
    ) -> None:
        self.stack = stack
        self.keeper = keeper
        self.api: ApiSession = stack.api("admin")  # resetting a status is for administrators
        self._control = control
        self._ways = ways
        self._healers: list[threading.Timer] = []

    # the world around

    def cut(self, *names: str, seconds: float) -> None:
        """Make the ways to these servers go away now, and come back later."""
        for name in names:
            self._ways[name].cut()
        self._heal_after(seconds, names)

    def stall(self, *names: str, seconds: float) -> None:
        """Let nothing through to these servers, without a word to anybody, for a while."""
        for name in names:
            self._ways[name].stall()
        self._heal_after(seconds, names)

    def _heal_after(self, seconds: float, names: Sequence[str]) -> None:
        healer = threading.Timer(seconds, _heal, [self._ways[name] for name in names])
        healer.daemon = True
        self._healers.append(healer)
        healer.start()

    def heal(self) -> None:
        """Return when nothing is cut any more."""
        for healer in self._healers:
            healer.join(60)
        self._healers.clear()

    def settle(self) -> None:
        """Return when nothing is cut and all processes serve."""
        self.heal()
        for name in ("host", "api", "taskmanager", "conductor", "beat"):
            self.stack.process(name).wait_until_ready()

    # instances and operations

    def request(self, method: str, path: str, body: Any = None, *, expect: int) -> Any:
        answer = self.api.request(method, path, json=body)
        assert answer.status_code == expect, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer

    def operation(self, operation_id: str) -> dict[str, Any]:
        found: dict[str, Any] = self.request("GET", f"/operations/{operation_id}", expect=200).json()
        return dict(found["operation"])

    def end_of(self, operation_id: str, *, within: float = END_SECONDS) -> dict[str, Any]:
        """The operation when it has ended, which must be soon."""
        deadline = time.monotonic() + within
        while (operation := self.operation(operation_id))["state"] not in _FINAL:
            assert time.monotonic() < deadline, f"still {operation} after {within:.0f} s"
            time.sleep(0.1)
        return operation

    def instance(self, instance_id: str) -> dict[str, Any]:
        shown: dict[str, Any] = self.request("GET", f"/instances/{instance_id}", expect=200).json()
        return dict(shown["instance"])

    def wait_healthy(self, instance_id: str) -> dict[str, Any]:
        def look() -> dict[str, Any] | None:
            shown = self.instance(instance_id)
            return shown if (shown["status"], shown["operating_status"]) == ("ACTIVE", "HEALTHY") else None

        return self.stack.wait_until(look, timeout=END_SECONDS, what=f"{instance_id} to be HEALTHY") or {}

    # what is there

    def story(self) -> str:
        """The ends of the logs that tell what happened."""
        logs = [self.stack.layout.log(name) for name in ("taskmanager", "conductor", "host")]
        logs += (self.stack.local_path / "servers").glob("*/agent.log")
        parts = []
        for log in logs:
            with suppress(OSError):
                lines = log.read_text(errors="replace").splitlines()[-40:]
                parts.append(f"--- {log}\n" + "\n".join(lines))
        return "\n".join(parts)

    def control(self) -> Control:
        return self._control.read()

    def guest_pid(self) -> int | None:
        """The agent of the one server of this host, as its lock says."""
        for lock in sorted((self.stack.local_path / "servers").glob("*/state/agent.lock")):
            if (pid := files.lock_holder(lock)) is not None:
                return pid
        return None

    def has_guest(self) -> bool:
        return self.guest_pid() is not None

    def kill_guests(self) -> None:
        """SIGKILL for every guest agent; their databases go on."""
        pids = [
            files.lock_holder(lock) for lock in (self.stack.local_path / "servers").glob("*/state/agent.lock")
        ]
        for pid in filter(None, pids):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def traces_of(self, instance_id: str) -> list[str]:
        """Everything that still names the instance: files, half-made ones too, processes, queues, users."""
        kinds = ("servers", "volumes", "networks")
        paths = [
            str(path)
            for kind in kinds
            for path in (self.stack.local_path / kind).iterdir()
            if instance_id in path.name
        ]
        names = [name for name in broker_names(self.stack.env) if instance_id in name]
        return [*paths, *_processes_with(instance_id, self.stack.local_path), *names]

    def assert_gone(self, instance_id: str) -> None:
        """No trace of it is left anywhere, and no quota but that of the instances there are."""
        deadline = time.monotonic() + 5  # the broker counts its queues now and then
        while traces := self.traces_of(instance_id):
            assert time.monotonic() < deadline, traces
            time.sleep(0.1)
        assert instance_id not in self.control().instances

    def assert_quiet(self, quota: dict[str, int]) -> None:
        """No unfinished operation, no message that waits, and the quota in use is this."""
        control = self.stack.wait_until(self._quiet_control, timeout=15, what="quiet")
        assert control is not None
        assert control.quota == quota

    def _quiet_control(self) -> Control | None:
        control = self.control()
        return None if control.unfinished or control.outbox else control


def _heal(*ways: Proxy) -> None:
    for way in ways:
        way.heal()


def _processes_with(instance_id: str, folder: Path) -> list[str]:
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            text = f"{' '.join(process.cmdline())} in {process.cwd()}"
            if str(folder) in text and instance_id in text:
                found.append(f"{process.pid} {text}")
    return found


@contextmanager
def bench(*, database: str = "sqlite", **settings: str) -> Iterator[Bench]:
    """A running stack with probes, removed at the end. `settings` are options of the control plane."""
    with ExitStack() as cleanup:
        ways = {"broker": Proxy(5672), "management": Proxy(15672), "redis": Proxy(6379)}
        for way in ways.values():
            cleanup.callback(way.close)
        servers = Servers(**{name: way.address for name, way in ways.items()})
        stack = cleanup.enter_context(
            private_stack(database=database, servers=servers, runner="tests.chaos.run",
                          **{**_UNLIMITED, **settings})
        )  # fmt: skip
        # From here on the cleanup needs its ways open, whatever a failed test left cut.
        cleanup.callback(_heal, *ways.values())
        keeper = Gatekeeper(gate_path(stack.layout))
        cleanup.callback(keeper.close)
        control = ControlReader(stack)
        cleanup.callback(control.close)
        yield Bench(stack, keeper, control, ways)
