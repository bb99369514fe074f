"""Becomes one process of the stack: ``python -m compose.local.run VAR NAME``.

The supervisor's configuration names only this, so settings and keys are in one file, each process gets
those it needs and no others, and a changed setting counts from the next start.
"""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from compose.local import environment
from compose.local.layout import PROJECT_ROOT, UMASK, Layout
from compose.local.processes import BY_NAME, Process


def main(var: str, name: str, *, processes: Mapping[str, Process] = BY_NAME) -> None:
    layout = Layout(Path(var))
    known = environment.read(layout)
    if known is None:
        sys.exit(f"{layout.env} is missing: run `make up`")
    process = processes[name]
    command = process.command(layout, known.parsed())
    os.umask(UMASK)
    os.chdir(PROJECT_ROOT)
    os.execvpe(command[0], command, process.environment(layout, known))  # noqa: S606


if __name__ == "__main__":
    main(*sys.argv[1:])
