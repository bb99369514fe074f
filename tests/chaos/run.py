"""Becomes one process of a stack, like `compose.local.run`, with probes in those that have some."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Final

from compose.local import run
from compose.local.layout import Layout
from compose.local.processes import BY_NAME, Process, Settings

_PROBED: Final = ("taskmanager", "conductor", "host")


def gate_path(layout: Layout) -> Path:
    return layout.var / "gate"


def _with_probes(process: Process) -> Process:
    def command(layout: Layout, settings: Settings) -> list[str]:
        python, _dash_m, _module, *arguments = process.command(layout, settings)
        return [python, "-m", f"tests.chaos.probes.{process.name}", str(gate_path(layout)), *arguments]

    return replace(process, command=command)


if __name__ == "__main__":
    run.main(
        *sys.argv[1:],
        processes={**BY_NAME, **{name: _with_probes(BY_NAME[name]) for name in _PROBED}},
    )
