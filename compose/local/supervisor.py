"""supervisord for one stack: its configuration, and a small client for its socket."""

import contextlib
import http.client
import os
import socket
import subprocess
import sys
import time
import xmlrpc.client
from dataclasses import dataclass
from typing import Any, Final, cast

from compose.local.layout import PROJECT_ROOT, UMASK, Layout, write_private
from compose.local.processes import PROCESSES, Process

RUNNER: Final = "compose.local.run"
_TIMEOUT_SECONDS: Final = 60.0
_START_SECONDS: Final = 15.0
_NOT_RUNNING: Final = 70  # fault codes of supervisor's XML-RPC
_ALREADY_STARTED: Final = 60
_SHUTTING_DOWN: Final = 6


class SupervisorError(Exception):
    """supervisord did not start, or refused."""


@dataclass(frozen=True, slots=True)
class ProcessState:
    name: str
    state: str  # RUNNING, STARTING, BACKOFF, STOPPED, EXITED, FATAL…
    pid: int  # 0: none
    uptime_seconds: int
    detail: str


class Supervisor:
    """The supervisor of the stack in `layout`. Methods raise SupervisorError.

    `runner` is the module that becomes a process when it is run with the arguments VAR and NAME.
    """

    def __init__(self, layout: Layout, runner: str = RUNNER) -> None:
        self._layout = layout
        self._runner = runner

    def is_running(self) -> bool:
        try:
            self._proxy(timeout=5).supervisor.getState()
        except OSError:
            return False
        except xmlrpc.client.Fault as fault:
            if fault.faultCode != _SHUTTING_DOWN:
                raise
        return True

    def start(self) -> None:
        """Start supervisord (without processes) unless it runs, and have it read its configuration."""
        self._write_config()
        if self.is_running():
            self._reload_config()
            return
        self._layout.supervisor_socket.unlink(missing_ok=True)
        command = [sys.executable, "-m", "supervisor.supervisord", "-c", str(self._layout.supervisor_config)]
        result = subprocess.run(
            command, cwd=PROJECT_ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30,
            env={**os.environ, "PYTHONWARNINGS": "ignore"}, check=False,
        )  # fmt: skip
        if result.returncode != 0:
            raise SupervisorError(
                f"supervisord did not start: {result.stderr.strip() or result.stdout.strip()}"
            )
        deadline = time.monotonic() + _START_SECONDS
        while not self.is_running():
            if time.monotonic() > deadline:
                raise SupervisorError(f"supervisord does not answer; see {self._layout.log('supervisord')}")
            time.sleep(0.05)

    def shutdown(self) -> None:
        """Stop all processes, then supervisord itself; returns when it is gone."""
        if not self.is_running():
            return
        with contextlib.suppress(xmlrpc.client.Fault):  # it is at it already
            self._call("stopAllProcesses")  # together; shutdown would stop one after another
            self._call("shutdown")
        deadline = time.monotonic() + _TIMEOUT_SECONDS
        while self.is_running():
            if time.monotonic() > deadline:
                raise SupervisorError("supervisord does not stop; `make status` shows which process holds it")
            time.sleep(0.05)

    def states(self) -> list[ProcessState]:
        return [_process_state(info) for info in self._call("getAllProcessInfo")]

    def state(self, name: str) -> ProcessState:
        return _process_state(self._call("getProcessInfo", name))

    def start_process(self, name: str) -> None:
        try:
            self._call("startProcess", name, False)
        except xmlrpc.client.Fault as fault:
            if fault.faultCode != _ALREADY_STARTED:
                raise SupervisorError(fault.faultString) from fault

    def stop_process(self, name: str, *, wait: bool = True) -> None:
        """Ask it to stop, and wait unless told not to; killed at its `stop_seconds`."""
        try:
            self._call("stopProcess", name, wait)
        except xmlrpc.client.Fault as fault:
            if fault.faultCode != _NOT_RUNNING:
                raise SupervisorError(fault.faultString) from fault

    def _reload_config(self) -> None:
        added, changed, removed = self._call("reloadConfig")[0]
        for name in (*removed, *changed):
            self.stop_process(name)
            self._call("removeProcessGroup", name)
        for name in (*added, *changed):
            self._call("addProcessGroup", name)

    def _write_config(self) -> None:
        write_private(self._layout.supervisor_config, render_config(self._layout, self._runner))

    def _call(self, method: str, *arguments: Any) -> Any:
        try:
            return getattr(self._proxy().supervisor, method)(*arguments)
        except OSError as error:
            raise SupervisorError(f"supervisord does not answer: {error}") from error

    def _proxy(self, timeout: float = _TIMEOUT_SECONDS) -> Any:
        transport = _UnixTransport(str(self._layout.supervisor_socket), timeout)
        return xmlrpc.client.ServerProxy("http://supervisor", transport=transport)


def render_config(layout: Layout, runner: str = RUNNER) -> str:
    """supervisord's configuration; it holds no secret."""
    user = "user=root\n" if os.geteuid() == 0 else ""
    head = f"""\
; Made by `make up`; changes here are lost.
[unix_http_server]
file={_escaped(layout.supervisor_socket)}
chmod=0700

[supervisord]
{user}pidfile={_escaped(layout.run / "supervisord.pid")}
logfile={_escaped(layout.log("supervisord"))}
logfile_maxbytes=10MB
logfile_backups=3
childlogdir={_escaped(layout.logs)}
directory={_escaped(PROJECT_ROOT)}
minfds=4096
umask={UMASK:03o}

[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface

[supervisorctl]
serverurl=unix://{_escaped(layout.supervisor_socket)}
"""
    return head + "".join(_program(layout, process, runner) for process in PROCESSES)


def _program(layout: Layout, process: Process, runner: str) -> str:
    return f"""
[program:{process.name}]
command={_escaped(sys.executable)} -m {runner} "{_escaped(layout.var)}" {process.name}
autostart=false
autorestart=true
startsecs=1
startretries=100
stopasgroup={"false" if process.name == "host" else "true"}
killasgroup=true
stopwaitsecs={process.stop_seconds}
priority={process.starts}
redirect_stderr=true
stdout_logfile={_escaped(layout.log(process.name))}
stdout_logfile_maxbytes=20MB
stdout_logfile_backups=5
"""


def _escaped(value: object) -> str:
    return str(value).replace("%", "%%")


def _process_state(info: Any) -> ProcessState:
    running = info["statename"] in {"RUNNING", "STARTING", "STOPPING"}
    return ProcessState(
        name=info["name"],
        state=info["statename"],
        pid=info["pid"] if running else 0,
        uptime_seconds=max(0, info["now"] - info["start"]) if running else 0,
        detail=info["spawnerr"] or info["description"],
    )


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("supervisor", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class _UnixTransport(xmlrpc.client.Transport):
    def __init__(self, path: str, timeout: float) -> None:
        super().__init__()
        self._path = path
        self._timeout = timeout

    def make_connection(self, host: Any) -> http.client.HTTPConnection:
        return cast(http.client.HTTPConnection, _UnixConnection(self._path, self._timeout))
