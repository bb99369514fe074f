"""What is done while things go wrong. A workflow joins by a row in the table at the end.

A scenario prepares, unharmed, what it needs, and gives an `Attempt`: the request that starts the operation
under test, and what must be true when that has ended.
"""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from tests.chaos.bench import Bench
from tests.chaos.gatekeeper import GO_ON, Trap, Word
from tests.chaos.probes.gate import FAIL
from tests.chaos.tenant import Tenant, new_instance_body, unique


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


def _operation_of(answer: Any) -> str:
    return str(answer.headers["X-Operation-Id"])


def _asking(bench: Bench, method: str, path: str, body: Any = None) -> Callable[[], str]:
    return lambda: _operation_of(bench.request(method, path, body, expect=202))


# whole instances


def create(bench: Bench, tenant: Tenant) -> Attempt:
    making = _Making(bench, tenant)
    return Attempt(making.ask, making.check_serves_and_goes)


def create_undone(bench: Bench, tenant: Tenant) -> Attempt:
    """Creation fails when the server is there already, and is rolled back."""
    making = _Making(bench, tenant)
    failing = Trap("taskmanager/create_instance.forward.create_server/ensure_server/after", lambda: (FAIL, 0))
    return Attempt(making.ask, making.check_rolled_back_and_goes, ends="failed", also=(failing,))


def create_cancelled(bench: Bench, tenant: Tenant) -> Attempt:
    """Its status is reset while the server is being made, which cancels and rolls back the creation."""
    making = _Making(bench, tenant)

    def reset() -> Word:
        path = f"/instances/{making.only_instance()}/action"
        bench.request("POST", path, {"reset_status": {}}, expect=202)
        return GO_ON

    resetting = Trap("taskmanager/create_instance.forward.create_server/ensure_server/before", reset)
    return Attempt(making.ask, making.check_rolled_back_and_goes, ends="cancelled", also=(resetting,))


class _Making:
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
        return _operation_of(answer)

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
        deletion = _operation_of(self.bench.request("DELETE", f"/instances/{self.id}", expect=202))
        ended = self.bench.end_of(deletion)
        assert ended["state"] == "succeeded", ended
        self.check_gone()

    def check_gone(self) -> None:
        self.bench.request("GET", f"/instances/{self.id}", expect=404)
        self.bench.assert_gone(self.id)
        self.bench.assert_quiet(self.quota)


def delete(bench: Bench, tenant: Tenant) -> Attempt:
    making = _Making(bench, tenant)
    creation = bench.end_of(making.ask())
    assert creation["state"] == "succeeded", creation
    bench.wait_healthy(making.id)
    return Attempt(_asking(bench, "DELETE", f"/instances/{making.id}"), making.check_gone)


def restart(bench: Bench, tenant: Tenant) -> Attempt:
    kept = tenant.instance()

    def check() -> None:
        bench.wait_healthy(kept.id)
        kept.owner.check()

    return Attempt(_asking(bench, "POST", f"/instances/{kept.id}/action", {"restart": {}}), check)


# databases


def create_databases(bench: Bench, tenant: Tenant) -> Attempt:
    kept, name = tenant.instance(), unique("db")
    body = {"databases": [{"name": name}]}
    return Attempt(
        _asking(bench, "POST", f"/instances/{kept.id}/databases", body),
        lambda: _assert_equal(kept.databases().count(name), 1),
    )


def delete_database(bench: Bench, tenant: Tenant) -> Attempt:
    kept, name = tenant.instance(), unique("db")
    kept.create_database(name)
    return Attempt(
        _asking(bench, "DELETE", f"/instances/{kept.id}/databases/{name}"),
        lambda: _assert_equal(kept.databases().count(name), 0),
    )


# users


def create_users(bench: Bench, tenant: Tenant) -> Attempt:
    kept, name, password = tenant.instance(), unique("user"), secrets.token_urlsafe(12)
    body = {"users": [{"name": name, "password": password, "databases": [{"name": "first"}]}]}

    def check() -> None:
        _assert_equal(kept.users().count(name), 1)
        kept.login(name, password).check()

    return Attempt(_asking(bench, "POST", f"/instances/{kept.id}/users", body), check)


def delete_user(bench: Bench, tenant: Tenant) -> Attempt:
    kept = tenant.instance()
    name, password = kept.create_user()

    def check() -> None:
        _assert_equal(kept.users().count(name), 0)
        kept.login(name, password).check_refused()

    return Attempt(_asking(bench, "DELETE", f"/instances/{kept.id}/users/{name}"), check)


def update_user(bench: Bench, tenant: Tenant) -> Attempt:
    """A new name and a new password in one request."""
    kept = tenant.instance()
    name, password = kept.create_user()
    new_name, new_password = unique("user"), secrets.token_urlsafe(12)
    body = {"user": {"name": new_name, "password": new_password}}

    def check() -> None:
        _assert_equal([kept.users().count(name), kept.users().count(new_name)], [0, 1])
        kept.login(new_name, new_password).check()
        kept.login(name, password).check_refused()

    return Attempt(_asking(bench, "PUT", f"/instances/{kept.id}/users/{name}", body), check)


def change_passwords(bench: Bench, tenant: Tenant) -> Attempt:
    kept = tenant.instance()
    name, password = kept.create_user()
    new_password = secrets.token_urlsafe(12)
    body = {"users": [{"name": name, "password": new_password}]}

    def check() -> None:
        kept.login(name, new_password).check()
        kept.login(name, password).check_refused()

    return Attempt(_asking(bench, "PUT", f"/instances/{kept.id}/users", body), check)


def grant_access(bench: Bench, tenant: Tenant) -> Attempt:
    kept = tenant.instance()
    name, password = kept.create_user()
    body = {"databases": [{"name": "second"}]}
    return Attempt(
        _asking(bench, "PUT", f"/instances/{kept.id}/users/{name}/databases", body),
        lambda: kept.login(name, password, "second").check(),
    )


def revoke_access(bench: Bench, tenant: Tenant) -> Attempt:
    kept = tenant.instance()
    name, password = kept.create_user()
    return Attempt(
        _asking(bench, "DELETE", f"/instances/{kept.id}/users/{name}/databases/first"),
        lambda: kept.login(name, password).check_refused(),
    )


# configuration


def apply_configuration(bench: Bench, tenant: Tenant) -> Attempt:
    """A group is attached; afterwards the server has its value, and loses it when the group is detached."""
    kept = tenant.instance()
    name, value, show = {
        "mariadb": ("max_user_connections", 77, "SELECT @@GLOBAL.max_user_connections"),
        "postgresql": (
            "deadlock_timeout",
            7777,
            "SELECT setting FROM pg_settings WHERE name = 'deadlock_timeout'",
        ),
    }[str(tenant.datastore)]
    body = {"name": unique("group"), "values": {name: value}, "datastore": {"type": tenant.datastore}}
    made = bench.request("POST", "/configurations", {"configuration": body}, expect=200)
    group = made.json()["configuration"]["id"]
    path = f"/instances/{kept.id}"

    def check() -> None:
        bench.wait_healthy(kept.id)
        _assert_equal(bench.instance(kept.id)["configuration"]["id"], group)
        _assert_equal(kept.owner.value(show), str(value))
        detached = bench.request("PUT", path, {"instance": {"configuration": None}}, expect=202)
        _assert_equal(bench.end_of(_operation_of(detached))["state"], "succeeded")
        assert kept.owner.value(show) != str(value)
        bench.request("DELETE", f"/configurations/{group}", expect=202)

    return Attempt(_asking(bench, "PUT", path, {"instance": {"configuration": group}}), check)


# another size, another server, another version


def stop(bench: Bench, tenant: Tenant) -> Attempt:
    """It is started again afterwards, as the tenant's other scenarios need it."""
    kept = tenant.instance()

    def check() -> None:
        _assert_equal(bench.instance(kept.id)["status"], "SHUTDOWN")
        _do(bench, f"/instances/{kept.id}/action", {"start": {}})
        bench.wait_healthy(kept.id)
        kept.owner.check()

    return Attempt(_asking(bench, "POST", f"/instances/{kept.id}/action", {"stop": {}}), check)


def start(bench: Bench, tenant: Tenant) -> Attempt:
    kept = tenant.instance()
    _do(bench, f"/instances/{kept.id}/action", {"stop": {}})

    def check() -> None:
        bench.wait_healthy(kept.id)
        kept.owner.check()

    return Attempt(_asking(bench, "POST", f"/instances/{kept.id}/action", {"start": {}}), check)


def resize_flavor(bench: Bench, tenant: Tenant) -> Attempt:
    """There and, afterwards, back, so that the quota is what it was."""
    kept, quota = tenant.instance(), bench.control().quota

    def check() -> None:
        bench.wait_healthy(kept.id)
        _assert_equal(bench.instance(kept.id)["flavor"]["id"], "2")
        kept.owner.check()
        _do(bench, f"/instances/{kept.id}/action", {"resize": {"flavorRef": "1"}})
        bench.wait_healthy(kept.id)
        _assert_equal(bench.control().quota, quota)

    return Attempt(_asking(bench, "POST", f"/instances/{kept.id}/action", {"resize": {"flavorRef": "2"}}), check)


def resize_volume(bench: Bench, tenant: Tenant) -> Attempt:
    """Of an instance of its own: volumes do not shrink."""
    making = _Making(bench, tenant)
    creation = bench.end_of(making.ask())
    assert creation["state"] == "succeeded", creation
    bench.wait_healthy(making.id)

    def check() -> None:
        bench.wait_healthy(making.id)
        _assert_equal(bench.instance(making.id)["volume"]["size"], 2)
        making.check_serves_and_goes()

    body = {"resize": {"volume": {"size": 2}}}
    return Attempt(_asking(bench, "POST", f"/instances/{making.id}/action", body), check)


def _do(bench: Bench, path: str, body: Any) -> None:
    ended = bench.end_of(_asking(bench, "POST", path, body)())
    assert ended["state"] == "succeeded", ended


def _assert_equal(found: Any, wanted: Any) -> None:
    assert found == wanted


SCENARIOS: Final[Mapping[str, Scenario]] = {
    scenario.__name__: scenario
    for scenario in (
        create,
        create_undone,
        create_cancelled,
        delete,
        restart,
        create_databases,
        delete_database,
        create_users,
        delete_user,
        update_user,
        change_passwords,
        grant_access,
        revoke_access,
        apply_configuration,
        stop,
        start,
        resize_flavor,
        resize_volume,
    )
}
