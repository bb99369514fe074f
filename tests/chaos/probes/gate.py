"""The probes' end of the gate: say where we are, wait for the word, do as it says."""

import functools
import json
import socket
import threading
from collections.abc import Callable
from typing import Any, Final

ANSWER_SECONDS: Final = 120.0

#: Words of the harness. "late" comes with the seconds that the effect is put off, while we go on.
GO, FAIL, LOST, TWICE, LATE = "go", "fail", "lost", "twice", "late"


class Gate:
    """`pass_through` asks at one point; without a harness, all is allowed."""

    def __init__(self, path: str) -> None:
        self._path = path

    def pass_through(self, point: str) -> tuple[str, float]:
        """The word for this point, and its seconds. The harness may kill us while we wait here."""
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
                connection.settimeout(ANSWER_SECONDS)
                connection.connect(self._path)
                connection.sendall(point.encode() + b"\n")
                answer = connection.makefile().readline()
        except OSError:
            return GO, 0.0
        word, seconds = json.loads(answer) if answer else (GO, 0.0)
        return str(word), float(seconds)

    def around(
        self, effect: Callable[..., Any], name: Callable[..., str | None], failure: type[Exception]
    ) -> Callable[..., Any]:
        """`effect` with a point before and one after it; `name` says None for calls that don't count."""

        @functools.wraps(effect)
        def probed(*args: Any, **kwargs: Any) -> Any:
            point = name(*args, **kwargs)
            if point is None:
                return effect(*args, **kwargs)
            word, seconds = self.pass_through(f"{point}/before")
            if word == LOST:
                return None
            if word == LATE:
                _later(seconds, effect, args, kwargs)
                return None
            if word == TWICE:
                effect(*args, **kwargs)
            try:
                return effect(*args, **kwargs)
            finally:  # also after an effect that failed: it may have done something all the same
                word, _ = self.pass_through(f"{point}/after")
                if word == FAIL:
                    raise failure("the harness made it fail")

        return probed


def _later(seconds: float, effect: Callable[..., Any], args: Any, kwargs: Any) -> None:
    timer = threading.Timer(seconds, effect, args, kwargs)
    timer.daemon = True
    timer.start()
