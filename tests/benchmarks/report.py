"""What a benchmark found: rows of medians, as a table for people and as JSON for comparing."""

import argparse
import json
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_COLUMNS = ("", "median", "best", "p95", "n", "", "against", "aim", "")


@dataclass(frozen=True, slots=True)
class Row:
    """One thing measured several times.

    `against` says in words how the median compares with its reference; `aim` what it should be, and `is_met`
    whether it is (None: there is no aim).
    """

    name: str
    values: Sequence[float]
    unit: str
    against: str = ""
    aim: str = ""
    is_met: bool | None = None

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def best(self) -> float:
        return max(self.values) if self.unit.endswith("/s") else min(self.values)

    @property
    def p95(self) -> float:
        """The value that 5 % of the samples are worse than."""
        ordered = sorted(self.values, reverse=self.unit.endswith("/s"))
        return ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))]

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name, "unit": self.unit, "median": self.median, "best": self.best, "p95": self.p95,
            "count": len(self.values), "against": self.against, "aim": self.aim, "is_met": self.is_met,
        }  # fmt: skip

    def cells(self) -> tuple[str, ...]:
        verdict = {None: "", True: "met", False: "MISSED"}[self.is_met]
        numbers = (_number(value) for value in (self.median, self.best, self.p95))
        return (self.name, *numbers, str(len(self.values)), self.unit, self.against, self.aim, verdict)


def run(title: str, measure: Callable[[bool], Iterable[Row]]) -> None:
    """The main program of one benchmark: measure (`True`: in short), print the table, write the JSON."""
    parser = argparse.ArgumentParser(description=title)
    parser.add_argument("--short", action="store_true", help="fewer repetitions")
    parser.add_argument("--json", type=Path, help="also write the rows here")
    options = parser.parse_args()
    rows = list(measure(options.short))
    print(f"\n{title}")
    print(table([_COLUMNS, *(row.cells() for row in rows)]), flush=True)
    if options.json:
        options.json.write_text(json.dumps([row.as_json() for row in rows]))


def table(lines: Sequence[Sequence[str]]) -> str:
    """Columns under each other; numbers to the right."""
    widths = [max(len(line[index]) for line in lines) for index in range(len(lines[0]))]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if 1 <= index <= 4 else cell.ljust(width)
            for index, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}" if value < 10 else f"{value:.1f}"
