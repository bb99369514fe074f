"""What is done while things go wrong. A workflow joins by a row in the table at the end.

A scenario prepares, unharmed, what it needs, and gives an `Attempt`: the request that starts the operation
under test, and what must be true when that has ended.
"""

import secrets
from collections.abc import Mapping
from typing import Final

from tests.chaos import lifecycle
from tests.chaos.attempts import Attempt, Making, Scenario, asking, assert_equal, operation_of
from tests.chaos.bench import Bench
from tests.chaos.gatekeeper import GO_ON, Trap, Word
from tests.chaos.probes.gate import FAIL
from tests.chaos.tenant import Tenant, unique

# whole instances


def create(bench: Bench, tenant: Tenant) -> Attempt:
    making = Making(bench, tenant)
    return Attempt(making.ask, making.check_serves_and_goes)


def create_undone(bench: Bench, tenant: Tenant) -> Attempt:
    """Creation fails when the server is there already, and is rolled back."""
    making = Making(bench, tenant)
    point = "taskmanager/create_instance.forward.create_server/ensure_server/after"
    failing = Trap(point, lambda: (FAIL, 0), is_for_once=False)
    return Attempt(making.ask, making.check_rolled_back_and_goes, ends="failed", also=(failing,))


def create_cancelled(bench: Bench, tenant: Tenant) -> Attempt:
    """Its status is reset while the server is being made, which cancels and rolls back the creation."""
    making = Making(bench, tenant)

    def reset() -> Word:
        path = f"/instances/{making.only_instance()}/action"
        bench.request("POST", path, {"reset_status": {}}, expect=202)
        return GO_ON

    resetting = Trap("taskmanager/create_instance.forward.create_server/ensure_server/before", reset)
    return Attempt(making.ask, making.check_rolled_back_and_goes, ends="cancelled", also=(resetting,))


def delete(bench: Bench, tenant: Tenant) -> Attempt:
    making = Making(bench, tenant)
    creation = bench.end_of(making.ask())
    assert creation["state"] == "succeeded", creation
    bench.wait_healthy(making.id)
    return Attempt(asking(bench, "DELETE", f"/instances/{making.id}"), making.check_gone)


def restart(bench: Bench, tenant: Tenant) -> Attempt:
    kept = tenant.instance()

    def check() -> None:
        bench.wait_healthy(kept.id)
        kept.owner.check()

    return Attempt(asking(bench, "POST", f"/instances/{kept.id}/action", {"restart": {}}), check)


# databases


def create_databases(bench: Bench, tenant: Tenant) -> Attempt:
    kept, name = tenant.instance(), unique("db")
    body = {"databases": [{"name": name}]}
    return Attempt(
        asking(bench, "POST", f"/instances/{kept.id}/databases", body),
        lambda: assert_equal(kept.databases().count(name), 1),
    )


def delete_database(bench: Bench, tenant: Tenant) -> Attempt:
    kept, name = tenant.instance(), unique("db")
    kept.create_database(name)
    return Attempt(
        asking(bench, "DELETE", f"/instances/{kept.id}/databases/{name}"),
        lambda: assert_equal(kept.databases().count(name), 0),
    )


# users


def create_users(bench: Bench, tenant: Tenant) -> Attempt:
    kept, name, password = tenant.instance(), unique("user"), secrets.token_urlsafe(12)
    body = {"users": [{"name": name, "password": password, "databases": [{"name": "first"}]}]}

    def check() -> None:
        assert_equal(kept.users().count(name), 1)
        kept.login(name, password).check()

    return Attempt(asking(bench, "POST", f"/instances/{kept.id}/users", body), check)


def delete_user(bench: Bench, tenant: Tenant) -> Attempt:
    kept = tenant.instance()
    name, password = kept.create_user()

    def check() -> None:
        assert_equal(kept.users().count(name), 0)
        kept.login(name, password).check_refused()

    return Attempt(asking(bench, "DELETE", f"/instances/{kept.id}/users/{name}"), check)


def update_user(bench: Bench, tenant: Tenant) -> Attempt:
    """A new name and a new password in one request."""
    kept = tenant.instance()
    name, password = kept.create_user()
    new_name, new_password = unique("user"), secrets.token_urlsafe(12)
    body = {"user": {"name": new_name, "password": new_password}}

    def check() -> None:
        assert_equal([kept.users().count(name), kept.users().count(new_name)], [0, 1])
        kept.login(new_name, new_password).check()
        kept.login(name, password).check_refused()

    return Attempt(asking(bench, "PUT", f"/instances/{kept.id}/users/{name}", body), check)


def change_passwords(bench: Bench, tenant: Tenant) -> Attempt:
    kept = tenant.instance()
    name, password = kept.create_user()
    new_password = secrets.token_urlsafe(12)
    body = {"users": [{"name": name, "password": new_password}]}

    def check() -> None:
        kept.login(name, new_password).check()
        kept.login(name, password).check_refused()

    return Attempt(asking(bench, "PUT", f"/instances/{kept.id}/users", body), check)


def grant_access(bench: Bench, tenant: Tenant) -> Attempt:
    kept = tenant.instance()
    name, password = kept.create_user()
    body = {"databases": [{"name": "second"}]}
    return Attempt(
        asking(bench, "PUT", f"/instances/{kept.id}/users/{name}/databases", body),
        lambda: kept.login(name, password, "second").check(),
    )


def revoke_access(bench: Bench, tenant: Tenant) -> Attempt:
    kept = tenant.instance()
    name, password = kept.create_user()
    return Attempt(
        asking(bench, "DELETE", f"/instances/{kept.id}/users/{name}/databases/first"),
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
        assert_equal(bench.instance(kept.id)["configuration"]["id"], group)
        assert_equal(kept.owner.value(show), str(value))
        detached = bench.request("PUT", path, {"instance": {"configuration": None}}, expect=202)
        assert_equal(bench.end_of(operation_of(detached))["state"], "succeeded")
        assert kept.owner.value(show) != str(value)
        bench.request("DELETE", f"/configurations/{group}", expect=202)

    return Attempt(asking(bench, "PUT", path, {"instance": {"configuration": group}}), check)


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
        lifecycle.stop,
        lifecycle.start,
        lifecycle.resize_flavor,
        lifecycle.resize_volume,
        lifecycle.reboot,
        lifecycle.rebuild,
        lifecycle.upgrade,
    )
}
