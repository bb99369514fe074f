"""The harness's end of the gate: hears of every point, and lets one thing happen at one of them."""

import json
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.chaos.probes.gate import GO

#: What a probe is told, and the seconds that go with it.
Word = tuple[str, float]
GO_ON: Word = (GO, 0.0)


@dataclass(slots=True)
class Trap:
    """Does `act` when a probe comes to `point`, the first time or every time; the probe does as it says."""

    point: str
    act: Callable[[], Word]
    is_for_once: bool = True
    is_done: threading.Event = field(default_factory=threading.Event)
    error: BaseException | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _has_sprung: bool = False

    def wait(self, seconds: float) -> None:
        """Return when it has happened; AssertionError when nobody came by or it went wrong."""
        assert self.is_done.wait(seconds), f"never came to {self.point}"
        if self.error is not None:
            raise AssertionError(f"what should happen at {self.point} did not") from self.error

    def come_by(self, point: str) -> Word | None:
        if point != self.point:
            return None
        with self._lock:
            if self._has_sprung and self.is_for_once:
                return None
            self._has_sprung = True
        try:
            return self.act()
        except Exception as error:
            self.error = error
            return GO_ON
        finally:
            self.is_done.set()


class Gatekeeper:
    """Listens at `path` until closed. `always` answers where no trap is: it may double every message."""

    def __init__(self, path: Path) -> None:
        self._traps: list[Trap] = []
        self._seen: dict[str, bool] = {}
        self._note: Callable[[], bool] = lambda: False
        self.always: Callable[[str], Word] = lambda _: GO_ON
        keeper = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                point = self.rfile.readline().decode().strip()
                word = keeper._answer(point)
                # Whoever asked may have been killed by what it came upon.
                try:
                    self.wfile.write(json.dumps(word).encode() + b"\n")
                except OSError:
                    return

        self._server = _Server(str(path), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, name="gatekeeper", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    @contextmanager
    def trap(self, *traps: Trap) -> Iterator[None]:
        self._traps.extend(traps)
        try:
            yield
        finally:
            for trap in traps:
                self._traps.remove(trap)

    @contextmanager
    def recording(self, note: Callable[[], bool]) -> Iterator[dict[str, bool]]:
        """Every point that is come by meanwhile, in order, and what `note` said there first."""
        self._seen, self._note = {}, note
        yield self._seen
        self._seen, self._note = {}, lambda: False

    def _answer(self, point: str) -> Word:
        if point not in self._seen:
            self._seen[point] = self._note()
        words = [trap.come_by(point) for trap in list(self._traps)]
        said = [word for word in words if word is not None]
        if said:
            return next((word for word in said if word != GO_ON), GO_ON)
        return self.always(point)


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A probe that died while it asked is what we are here for."""
