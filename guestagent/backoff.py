"""Growing, jittered pauses between attempts, so that a thousand guests do not knock in step."""

import secrets

_random = secrets.SystemRandom()


class Backoff:
    """`next_seconds` doubles from `first` up to `longest`; each pause is shortened by up to a half."""

    def __init__(self, first: float, longest: float) -> None:
        self._first = first
        self._longest = longest
        self._pause = first

    def next_seconds(self) -> float:
        pause = self._pause
        self._pause = min(pause * 2, self._longest)
        return jittered(pause, 0.5)

    def reset(self) -> None:
        self._pause = self._first


def jittered(seconds: float, spread: float = 0.1) -> float:
    """`seconds` shortened by a random part of up to `spread`, so that it stays an upper bound."""
    return seconds * (1 - spread * _random.random())
