"""Which step took how long, shown as it happens and as a table at the end."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from compose.local.console import Failure, say, table


class Timeline:
    """Steps of several tracks that run side by side. Safe to use from their threads."""

    def __init__(self) -> None:
        self._begun = time.monotonic()
        self._lock = threading.Lock()
        self._seconds: dict[str, dict[str, float]] = {}  # title → track → seconds, in order of first start

    @contextmanager
    def step(self, track: str, title: str) -> Iterator[None]:
        """Time what is inside; an error becomes a Failure that names the step."""
        with self._lock:
            self._seconds.setdefault(title, {})
        begun = time.monotonic()
        try:
            yield
        except Exception as error:
            raise Failure(f"{track}: “{title}” failed: {error}") from error
        took = time.monotonic() - begun
        with self._lock:
            self._seconds[title][track] = took
            say(f"  {time.monotonic() - self._begun:5.1f} s  {track:<11} {title} ({took:.1f} s)")

    def render(self) -> str:
        tracks = list(dict.fromkeys(track for times in self._seconds.values() for track in times))
        rows = [
            [title, *(f"{times[track]:8.1f}" if track in times else "" for track in tracks)]
            for title, times in self._seconds.items()
        ]
        rows.append(["everything", f"{time.monotonic() - self._begun:8.1f}", *("" for _ in tracks[1:])])
        return table(["step (seconds)", *(f"{track:>8}" for track in tracks)], rows)
