"""What scenarios share: what an attempt is, asking for operations, an instance from request to removal."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.chaos.bench import Bench
from tests.chaos.gatekeeper import Trap
from tests.chaos.tenant import Tenant, new_instance_body


@dataclass(frozen=True, slots=True)
class Attempt:
    """`ask` returns the operation's id. `check` is told nothing: it looks at what the user would look at.

    `ends` is the state that the operation must end in. `also` happens besides the harm.
    """

    ask: Callable[[], str]
    check: Callable[[], None]
    ends: str = "succeeded"
    also: tuple[Trap, ...] = field(default=())


Scenario = Callable[[Bench, Tenant], Attempt]


def operation_of(answer: Any) -> str:
    return str(answer.headers["X-Operation-Id"])


def asking(bench: Bench, method: str, path: str, body: Any = None) -> Callable[[], str]:
    return lambda: operation_of(bench.request(method, path, body, expect=202))


def do(bench: Bench, path: str, body: Any) -> None:
    ended = bench.end_of(asking(bench, "POST", path, body)())
    assert ended["state"] == "succeeded", ended


def assert_equal(found: Any, wanted: Any) -> None:
    assert found == wanted


class Making:
    """One instance, from the request to its removal."""

    def __init__(self, bench: Bench, tenant: Tenant) -> None:
        self.bench = bench
        self.tenant = tenant
        self.id = ""
        self.before = set(bench.control().instances)
        self.quota = bench.control().quota
        self.password = secrets.token_urlsafe(12)

    def ask(self) -> str:
        body = new_instance_body(self.tenant.datastore, "user1", self.password)
        answer = self.bench.request("POST", "/instances", body, expect=200)
        self.id = answer.json()["instance"]["id"]
        return operation_of(answer)

    def only_instance(self) -> str:
        """The id, also before the answer with it has come."""
        (instance_id,) = set(self.bench.control().instances) - self.before
        return instance_id

    def check_serves_and_goes(self) -> None:
        shown = self.bench.wait_healthy(self.id)
        self.tenant.login(shown, "user1", self.password, "first").check()
        self.remove()

    def check_rolled_back_and_goes(self) -> None:
        assert self.bench.instance(self.id)["status"] == "ERROR"
        assert not self.bench.traces_of(self.id)
        self.bench.assert_quiet(self.quota)
        self.remove()

    def remove(self) -> None:
        deletion = operation_of(self.bench.request("DELETE", f"/instances/{self.id}", expect=202))
        ended = self.bench.end_of(deletion)
        assert ended["state"] == "succeeded", ended
        self.check_gone()

    def check_gone(self) -> None:
        self.bench.request("GET", f"/instances/{self.id}", expect=404)
        self.bench.assert_gone(self.id)
        self.bench.assert_quiet(self.quota)
