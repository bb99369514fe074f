"""Reads a file of ``NAME='value'`` lines: comments and blank lines are skipped, quotes are a shell's."""

import shlex
from pathlib import Path


def read(path: Path) -> dict[str, str]:
    """The file's variables; raises FileNotFoundError, or ValueError naming the line that is not one."""
    return parse(path.read_text())


def parse(content: str) -> dict[str, str]:
    values = {}
    for number, line in enumerate(content.splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        name, separator, value = line.partition("=")
        if not separator or not name.isidentifier():
            raise ValueError(f"line {number} is not NAME='value'")
        values[name] = "".join(shlex.split(value))
    return values
