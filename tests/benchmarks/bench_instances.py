"""Creating instances against bare engines; then the agents of idle ones: their memory, and asking them.

Rounds of ours and of the bare engine take turns, so that both have the same machine. "first login" is that
of the user that the request asked for, over TCP, into the database that it asked for.
"""

import json
import secrets
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import psutil
import psycopg
import pymysql

from tests.benchmarks import bare
from tests.benchmarks.report import Row, run
from tests.e2e.stack import ApiSession, PrivateStack, private_stack

DATASTORES: Final = ("mariadb", "postgresql")
_UNLIMITED: Final[Any] = {f"HTTP_{verb}_RATE": "1000000" for verb in ("GET", "POST", "PUT", "DELETE")}
_MIB: Final = 1024**2


@dataclass(slots=True)
class Samples:
    """Seconds."""

    login: list[float] = field(default_factory=list)
    active: list[float] = field(default_factory=list)
    bare: list[float] = field(default_factory=list)
    steps: dict[str, list[float]] = field(default_factory=dict)


def measure(short: bool) -> Iterator[Row]:
    with private_stack(**_UNLIMITED) as stack:
        api = stack.api()
        for datastore in DATASTORES:
            yield from _creating(stack, api, datastore, rounds=3 if short else 9)
        idle = {datastore: create(stack, api, datastore, Samples()) for datastore in DATASTORES}
        yield from _memory(stack, idle, seconds=5 if short else 20)
        yield _asking(stack, idle["mariadb"], count=100 if short else 400)


def _creating(stack: PrivateStack, api: ApiSession, datastore: str, rounds: int) -> Iterable[Row]:
    first, samples = Samples(), Samples()
    delete(stack, api, create(stack, api, datastore, first))
    for _ in range(rounds):
        samples.bare.append(bare.initialise_and_start(datastore))
        delete(stack, api, create(stack, api, datastore, samples))
    reference = Row(f"{datastore}: bare engine, initialise and start", samples.bare, "s")
    limit = 1.3 * reference.median + 0.5
    login = Row("", samples.login, "s").median
    against = f"{login / reference.median:.2f}x bare"
    return [
        reference,
        Row(f"{datastore}: create to first login", samples.login, "s", against, f"<= {limit:.2f} s",
            login <= limit),
        Row(f"{datastore}: create to operation ended", samples.active, "s"),
        Row(f"{datastore}: the very first, to login", first.login, "s"),
        *(Row(f"    step {step}", values, "s") for step, values in samples.steps.items()),
    ]  # fmt: skip


def create(stack: PrivateStack, api: ApiSession, datastore: str, samples: Samples) -> str:
    """Create one, log in, wait for the operation's end; returns the instance's id."""
    password = secrets.token_urlsafe(12)
    user = {"name": "bench", "password": password, "databases": [{"name": "bench"}]}
    body = {
        "name": "bench", "flavorRef": "1", "volume": {"size": 1}, "datastore": {"type": datastore},
        "databases": [{"name": "bench"}], "users": [user],
    }  # fmt: skip
    started = time.perf_counter()
    answer = api.post("/instances", json={"instance": body})
    assert answer.status_code == 200, answer.text
    instance = f"/instances/{answer.json()['instance']['id']}"
    host = stack.wait_until(lambda: api.get(instance).json()["instance"].get("ip"), timeout=60)[0]
    bare.until_login(lambda: _log_in(datastore, host, password))
    samples.login.append(time.perf_counter() - started)
    operation = _end_of(stack, api, answer.headers["X-Operation-Id"])
    samples.active.append(time.perf_counter() - started)
    for step in operation["steps"]:
        samples.steps.setdefault(step["step"], []).append(step["seconds"])
    return instance.rsplit("/", 1)[-1]


def _log_in(datastore: str, host: str, password: str) -> Any:
    if datastore == "mariadb":
        return pymysql.connect(
            host=host, user="bench", password=password, database="bench", connect_timeout=2
        )
    return psycopg.connect(host=host, user="bench", password=password, dbname="bench", connect_timeout=2)


def delete(stack: PrivateStack, api: ApiSession, instance_id: str) -> None:
    answer = api.delete(f"/instances/{instance_id}")
    assert answer.status_code == 202, answer.text
    _end_of(stack, api, answer.headers["X-Operation-Id"])


def _end_of(stack: PrivateStack, api: ApiSession, operation_id: str) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        operation: dict[str, Any] = api.get(f"/operations/{operation_id}").json()["operation"]
        assert operation["state"] not in {"failed", "cancelled"}, operation
        return operation if operation["state"] == "succeeded" else None

    operation = stack.wait_until(look, timeout=120)
    assert operation
    return operation


def _memory(stack: PrivateStack, idle: dict[str, str], seconds: int) -> Iterable[Row]:
    agents = {datastore: _agent_of(instance_id) for datastore, instance_id in idle.items()}
    samples: dict[str, list[float]] = {datastore: [] for datastore in agents}
    for _ in range(seconds):
        time.sleep(1)  # what is measured is that it stays idle
        for datastore, agent in agents.items():
            samples[datastore].append(agent.memory_info().rss / _MIB)
    for datastore, agent in agents.items():
        own = agent.memory_full_info().uss / _MIB
        resident = max(samples[datastore])
        yield Row(f"agent of an idle {datastore}, resident", samples[datastore], "MiB",
                  f"{own:.0f} MiB of it its own", "< 70 MB", resident * _MIB < 70e6)  # fmt: skip


def _agent_of(instance_id: str) -> psutil.Process:
    for process in psutil.process_iter(["cmdline"]):
        command = process.info["cmdline"] or []
        if "guestagent" in command and any(f"dbaas-{instance_id}/" in part for part in command):
            return process
    raise AssertionError("there is no agent")


def _asking(stack: PrivateStack, instance_id: str, count: int) -> Row:
    output = stack.python("-m", "tests.benchmarks.inside", "ask", instance_id, str(count))
    return Row("ask a guest: API to agent, conductor and back", json.loads(output.splitlines()[-1]), "ms")


if __name__ == "__main__":
    run("Instances", measure)
