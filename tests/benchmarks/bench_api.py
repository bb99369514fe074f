"""Requests a second of one API process, for lists and single instances of projects of several sizes.

The clients run on the same machine and cost it about as much as the network would. Rate limits are out of the
way. "queries" is what one request asks of the control database, the look-up of the token included.
"""

import json
from collections.abc import Iterator
from typing import Any, Final

from tests.benchmarks import load
from tests.benchmarks.report import Row, run
from tests.e2e.stack import PrivateStack, private_stack

SIZES: Final = (0, 100, 1000)
_SETTINGS: Final[Any] = {"HTTP_GET_RATE": "0", "INSTANCES_PAGE_SIZE": "1000", "API_WORKERS": "1"}


def measure(short: bool) -> Iterator[Row]:
    seconds = 2.0 if short else 5.0
    with private_stack(**_SETTINGS) as stack:
        api = stack.api()
        token = str(api.headers["X-Auth-Token"])
        base = api.base.removeprefix(stack.url)
        yield from _rows(stack, "nothing: /healthz", "/healthz", token, seconds)
        for size in SIZES:
            _inside(stack, "fill", api.project_id, str(size))
            paths = {"list, page of 20": f"{base}/instances?limit=20"}
            if size:
                first = api.get("/instances?limit=1").json()["instances"][0]["id"]
                paths["show"] = f"{base}/instances/{first}"
            if size >= 100:
                paths["list, all"] = f"{base}/instances?limit=1000"
                paths["list with details, all"] = f"{base}/instances/detail?limit=1000"
            for name, path in paths.items():
                yield from _rows(stack, f"{size:>4} rows: {name}", path, token, seconds)


def _rows(stack: PrivateStack, name: str, path: str, token: str, seconds: float) -> Iterator[Row]:
    queries = _inside(stack, "queries", path, token)
    for clients in (1, 8):
        loaded = load.run(f"{stack.url}{path}", token, clients=clients, seconds=seconds)
        latency = Row("", loaded.milliseconds, "ms")
        against = f"{latency.median:.1f} ms, p95 {latency.p95:.1f}, {queries} queries"
        yield Row(
            f"{name}, {clients} client{'s' if clients > 1 else ''}", [loaded.rate], "requests/s", against
        )


def _inside(stack: PrivateStack, *arguments: str) -> int:
    output = stack.python("-m", "tests.benchmarks.inside", *arguments)
    return int(json.loads(output.splitlines()[-1]))


if __name__ == "__main__":
    run("API, one process", measure)
