"""``python -m tests.benchmarks [--short] [NAME…]``: run the benchmarks, print tables, keep the figures.

Each is a program of its own (``python -m tests.benchmarks.bench_<name>``), so that none inherits another's
memory or settings. The figures of all go to ``var/bench/<time>.json``.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.benchmarks import machine

ROOT = Path(__file__).resolve().parents[2]
_LONGEST_SECONDS = 1800


def main() -> int:
    names = sorted(path.stem.removeprefix("bench_") for path in Path(__file__).parent.glob("bench_*.py"))
    parser = argparse.ArgumentParser(prog="benchmarks", description="Measure; print tables.")
    parser.add_argument("--short", action="store_true", help="fewer repetitions: a few minutes in all")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"only these, of: {', '.join(names)}")
    options = parser.parse_args()
    if unknown := set(options.names) - set(names):
        parser.error(f"there is no benchmark {', '.join(sorted(unknown))}")
    facts = machine.facts()
    for name, fact in facts.items():
        print(f"{name:<18} {fact}")
    found = {name: _run(name, ["--short"] if options.short else []) for name in options.names or names}
    _keep({"at": datetime.now(UTC).isoformat(), "machine": facts, "short": options.short, "benches": found})
    return 0 if all(rows is not None for rows in found.values()) else 1


def _run(name: str, arguments: Sequence[str]) -> list[dict[str, Any]] | None:
    """The rows of one benchmark; None when it did not come to its end."""
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder, "rows.json")
        command = [sys.executable, "-m", f"tests.benchmarks.bench_{name}", "--json", str(result), *arguments]
        try:
            code = subprocess.run(command, cwd=ROOT, timeout=_LONGEST_SECONDS, check=False).returncode
        except subprocess.TimeoutExpired:
            code = None
        if code != 0 or not result.exists():
            print(f"\n{name}: did not come to its end (exit code {code})", file=sys.stderr)
            return None
        rows: list[dict[str, Any]] = json.loads(result.read_text())
        return rows


def _keep(figures: dict[str, Any]) -> None:
    folder = ROOT / "var" / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}.json"
    path.write_text(json.dumps(figures, indent=1))
    print(f"\nfigures: {path.relative_to(ROOT)}")


if __name__ == "__main__":
    sys.exit(main())
