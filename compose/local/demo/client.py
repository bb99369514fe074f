"""The real `openstack` command line, run as a subprocess with nothing but an openrc's variables."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

from compose.local.console import fail
from compose.local.environment import process_environment

_COMMAND_SECONDS: Final = 90.0
_BUSY_SECONDS: Final = 60.0
_BUSY_WORDS: Final = ("another operation", "is not finished", "busy")
Value = TypeVar("Value")


class Refused(Exception):
    """The command ended with an error; the text is what it wrote."""


@dataclass(frozen=True, slots=True)
class OpenStack:
    """`variables` are the OS_* ones of a cloud."""

    variables: Mapping[str, str]

    def run(self, *arguments: str) -> str:
        """What the command prints. Raises Refused, with the command's own words."""
        program = str(Path(sys.executable).with_name("openstack"))
        try:
            result = subprocess.run(
                [program, *arguments], env=process_environment(self.variables), stdin=subprocess.DEVNULL,
                capture_output=True, text=True, timeout=_COMMAND_SECONDS, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired as error:
            raise Refused(f"no answer within {_COMMAND_SECONDS:.0f} s") from error
        if result.returncode != 0:
            raise Refused(result.stderr.strip() or result.stdout.strip())
        return result.stdout

    def json(self, *arguments: str) -> Any:
        return json.loads(self.run(*arguments, "-f", "json"))

    def database(self, *arguments: str) -> str:
        """`openstack database …`, patient while an earlier change of the instance is being finished."""
        deadline = time.monotonic() + _BUSY_SECONDS
        while True:
            try:
                return self.run("database", *arguments)
            except Refused as refusal:
                if not any(words in str(refusal) for words in _BUSY_WORDS) or time.monotonic() > deadline:
                    raise


def until(what: str, look: Callable[[], Value | None], *, seconds: float) -> Value:
    """Look until there is something (a look takes a second or so). Raises Failure at the deadline."""
    deadline = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > deadline:
            fail(f"gave up waiting for {what} after {seconds:.0f} s")
        time.sleep(0.1)
