"""``python -m instances.providers.local.host --path PATH [run | stop-all | status]``: this host as a cloud.

``run`` keeps the agents of all servers alive until SIGTERM, and leaves them and their databases running when
it ends: the next one finds them again, by the locks they hold. ``stop-all`` ends the daemon, then all agents
and databases, cleanly, and changes nothing in what is wanted: ``run`` brings everything back, as it does
after a reboot. ``status`` prints one line for each server.
"""

import argparse
import contextlib
import logging
import os
import select
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from instances.providers.base import ProviderError
from instances.providers.local import files, images, poke
from instances.providers.local.keeper import Keeper
from instances.providers.local.layout import Layout

log = logging.getLogger("localhost")

AGENT: Final = (sys.executable, "-m", "guestagent")
_LOOK_SECONDS: Final = 1.0
_BUSY_LOOK_SECONDS: Final = 0.1
_STOP_ALL_SECONDS: Final = 150.0
_HANDOVER_SECONDS: Final = 10.0


class Host:
    """The daemon; the caller holds the host lock."""

    def __init__(self, layout: Layout, agent: Sequence[str]) -> None:
        self._layout = layout
        self._agent = agent
        self._keepers: dict[str, Keeper] = {}
        self._listener = poke.listen(layout)
        self.is_stopping = False

    def run(self) -> None:
        """Until `stop`. A server that cannot be seen to does not keep the others from it."""
        while not self.is_stopping:
            self._look_at_all(go_down=False)
            self._wait(_LOOK_SECONDS)

    def stop(self) -> None:
        self.is_stopping = True
        poke.send(self._layout)

    def stop_all(self, seconds: float) -> list[str]:
        """Take everything down; the names of the servers that were not down in time."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self._look_at_all(go_down=True)
            if all(keeper.is_down for keeper in self._keepers.values()):
                images.unmount_below(self._layout.volumes)
                return []
            self._wait(_BUSY_LOOK_SECONDS)
        return [name for name, keeper in self._keepers.items() if not keeper.is_down]

    def _look_at_all(self, *, go_down: bool) -> None:
        names = self._layout.server_names()
        for name in names:
            if name not in self._keepers:
                self._keepers[name] = Keeper(self._layout, name, self._agent)
        for name, keeper in list(self._keepers.items()):
            try:
                keeper.tick(go_down=go_down)
            except (OSError, ProviderError, ValueError) as error:
                if self._layout.server(name).path.exists():
                    log.warning("%s: %s", name, error)
            if name not in names and keeper.is_down:
                del self._keepers[name]

    def _wait(self, seconds: float) -> None:
        """Until somebody pokes us, one of our processes ends, or `seconds` are over."""
        with contextlib.ExitStack() as opened:
            poll = select.poll()
            poll.register(self._listener, select.POLLIN)
            for keeper in self._keepers.values():
                for pid in keeper.watched_pids():
                    with contextlib.suppress(OSError):
                        descriptor = os.pidfd_open(pid)
                        opened.callback(os.close, descriptor)
                        poll.register(descriptor, select.POLLIN)
            poll.poll(seconds * 1000)
        poke.drain(self._listener)


def main(arguments: Sequence[str] | None = None, *, agent: Sequence[str] = AGENT) -> int:
    parser = argparse.ArgumentParser(prog="host", description="This host as a cloud.")
    parser.add_argument("--path", type=Path, required=True, help="the local provider's folder")
    parser.add_argument("verb", nargs="?", default="run", choices=("run", "stop-all", "status"))
    options = parser.parse_args(arguments)
    logging.basicConfig(level="INFO", format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    layout = Layout(options.path.absolute())
    layout.create()
    if options.verb == "status":
        return _print_status(layout)
    with _host_lock(layout, take_over=options.verb == "stop-all") as is_ours:
        if not is_ours:
            log.error("another host daemon serves %s", layout.root)
            return os.EX_TEMPFAIL
        return _run(layout, agent) if options.verb == "run" else _stop_all(layout, agent)


def _run(layout: Layout, agent: Sequence[str]) -> int:
    host = Host(layout, agent)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: host.stop())
    log.info("serving %s", layout.root)
    host.run()
    log.info("stopped; agents and databases go on")
    return os.EX_OK


def _stop_all(layout: Layout, agent: Sequence[str]) -> int:
    left = Host(layout, agent).stop_all(_STOP_ALL_SECONDS)
    if left:
        log.error("not stopped in time: %s", ", ".join(left))
        return os.EX_TEMPFAIL
    log.info("all servers of %s are stopped", layout.root)
    return os.EX_OK


@contextlib.contextmanager
def _host_lock(layout: Layout, *, take_over: bool) -> Iterator[bool]:
    """Hold the host lock, if it is free; with `take_over`, ask the daemon that holds it to end."""
    deadline = time.monotonic() + _HANDOVER_SECONDS
    while (descriptor := files.hold(layout.host_lock)) is None and take_over:
        if time.monotonic() >= deadline:
            break
        holder = files.lock_holder(layout.host_lock)
        if holder is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(holder, signal.SIGTERM)
        time.sleep(0.1)
    try:
        yield descriptor is not None
    finally:
        if descriptor is not None:
            os.close(descriptor)


def _print_status(layout: Layout) -> int:
    holder = files.lock_holder(layout.host_lock)
    sys.stdout.write(f"host daemon: {f'process {holder}' if holder else 'not running'}\n")
    for name in layout.server_names():
        folder = layout.server(name)
        record, status = folder.record(), folder.status()
        agent = files.lock_holder(folder.agent_lock)
        wanted = record.desired.value if record else "removed"
        sys.stdout.write(
            f"{name}: wanted {wanted}, agent {f'process {agent}' if agent else status.state}"
            f"{f' ({status.fault})' if status.fault and not agent else ''}\n"
        )
    return os.EX_OK


if __name__ == "__main__":
    sys.exit(main())
