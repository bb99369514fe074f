"""What a person sees while a stack starts and the demo runs: plain lines, flushed, no tricks with cursors."""

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NoReturn


class Failure(Exception):
    """Something a person must mend. The message says what is wrong, and what to do or where to look."""


def say(text: str = "") -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def fail(text: str) -> NoReturn:
    raise Failure(text)


@contextmanager
def step(title: str) -> Iterator[None]:
    """Show that something starts, and how long it took; a failure keeps its own words."""
    sys.stdout.write(f"  {title} … ")
    sys.stdout.flush()
    begun = time.monotonic()
    try:
        yield
    except BaseException:
        say("failed")
        raise
    say(f"{time.monotonic() - begun:.1f} s")


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns as wide as they need to be; numbers are up to the caller to align."""
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    lines = [head, ["-" * width for width in widths], *rows]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )
