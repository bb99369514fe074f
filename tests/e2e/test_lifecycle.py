"""What is done to an instance in its life, on real servers; data and accounts survive it all."""

import secrets
from collections.abc import Iterator
from typing import Any

import pytest

from compose.local.demo.login import Datastore, Login
from tests.e2e.stack import PrivateStack, private_stack

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]
#: The machine may be busy with other tests.
SECONDS = 180.0


@pytest.fixture(scope="module")
def roomy() -> Iterator[PrivateStack]:
    with private_stack(HTTP_GET_RATE="100000") as stack:
        yield stack


class Shop:
    """An instance with a database, a user and a row."""

    def __init__(self, stack: PrivateStack, datastore: Datastore) -> None:
        self.stack, self.datastore = stack, datastore
        self.api, self.admin = stack.api("demo"), stack.api("admin")
        self.password = secrets.token_urlsafe(12)
        user = {"name": "ann", "password": self.password, "databases": [{"name": "shop"}]}
        body = {
            "name": f"life-{datastore}", "flavorRef": "1", "volume": {"size": 1},
            "datastore": {"type": datastore}, "databases": [{"name": "shop"}], "users": [user],
        }  # fmt: skip
        answer = self.api.post("/instances", json={"instance": body})
        assert answer.status_code == 200, answer.text
        self.id = answer.json()["instance"]["id"]
        self._end_of(answer)
        self.wait_healthy()
        self.run("CREATE TABLE t (a INT)")
        self.run("INSERT INTO t VALUES (42)")

    @property
    def shown(self) -> dict[str, Any]:
        shown: dict[str, Any] = self.api.get(f"/instances/{self.id}").json()["instance"]
        return shown

    def wait_healthy(self) -> None:
        def is_healthy() -> bool:
            shown = self.shown
            return (shown["status"], shown["operating_status"]) == ("ACTIVE", "HEALTHY")

        self.stack.wait_until(is_healthy, timeout=SECONDS, what="the instance")

    def run(self, statement: str) -> Any:
        login = Login(self.datastore, self.shown["ip"][0], "ann", self.password, "shop")
        with login.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchone()[0] if cursor.description else None

    def act(self, body: Any, *, admin: bool = False, ends: str = "succeeded") -> dict[str, Any]:
        api, prefix = (self.admin, "/mgmt") if admin else (self.api, "")
        return self._end_of(api.post(f"{prefix}/instances/{self.id}/action", json=body), ends)

    def put(self, body: Any, *, ends: str = "succeeded") -> dict[str, Any]:
        return self._end_of(self.api.put(f"/instances/{self.id}", json={"instance": body}), ends)

    def check(self) -> None:
        self.wait_healthy()
        assert self.run("SELECT a FROM t") == 42

    def quota(self) -> dict[str, int]:
        lines = self.admin.get(f"/mgmt/quotas/{self.api.project_id}").json()["quotas"]
        assert not [line for line in lines if line["reserved"]]
        return {line["resource"]: line["in_use"] for line in lines}

    def remove(self) -> None:
        self.api.delete(f"/instances/{self.id}")
        self.stack.wait_until(
            lambda: self.api.get(f"/instances/{self.id}").status_code == 404, timeout=SECONDS, what="its end"
        )

    def _end_of(self, answer: Any, ends: str = "succeeded") -> dict[str, Any]:
        assert answer.status_code in {200, 202}, answer.text
        path = f"/operations/{answer.headers['X-Operation-Id']}"

        def ended() -> dict[str, Any]:
            operation: dict[str, Any] = self.api.get(path).json()["operation"]
            return operation if operation["state"] in {"succeeded", "failed", "cancelled"} else {}

        operation = self.stack.wait_until(ended, timeout=SECONDS, what=path)
        assert operation["state"] == ends, operation
        return operation


@pytest.mark.parametrize("datastore", ["mariadb", "postgresql"])
def test_data_survive_whatever_is_done_to_an_instance(roomy: PrivateStack, datastore: Datastore) -> None:
    shop = Shop(roomy, datastore)
    before = shop.quota()

    shop.act({"resize": {"flavorRef": "2"}})
    shop.check()
    assert shop.shown["flavor"]["id"] == "2"
    assert shop.quota()["ram"] > before["ram"]
    shop.act({"resize": {"flavorRef": "1"}})
    shop.check()
    assert shop.quota() == before

    shop.act({"resize": {"volume": {"size": 2}}})
    shop.check()
    assert shop.shown["volume"]["size"] == 2
    assert shop.quota()["volumes"] == before["volumes"] + 1

    shop.act({"stop": {}})
    assert shop.shown["status"] == "SHUTDOWN"
    assert shop.api.post(f"/instances/{shop.id}/action", json={"restart": {}}).status_code == 422
    shop.act({"start": {}})
    shop.check()

    shop.act({"reboot": {}}, admin=True)
    shop.check()
    shop.act({"rebuild": {"image_id": "6c0f4e0a-5c4b-4a70-9d54-0ad2d80c7f0e"}}, admin=True)
    shop.check()

    _upgrade(shop)
    shop.remove()
    assert not roomy.leftovers()


def _upgrade(shop: Shop) -> None:
    """To the version that the server says it is, as a datastore version; and to one that is not there."""
    (listed,) = (d for d in shop.api.get("/datastores").json()["datastores"] if d["name"] == shop.datastore)
    running = shop.run("SELECT VERSION()" if shop.datastore == "mariadb" else "SHOW server_version")
    version = running.split("-")[0].split(" ")[0]
    for name, number in ((f"exact-{version}", version), ("not-here", f"{version}.99")):
        body = {
            "name": name, "version": number, "active": True,
            "datastore_name": listed["name"], "datastore_manager": shop.datastore,
            "image": "6c0f4e0a-5c4b-4a70-9d54-0ad2d80c7f0e",
        }  # fmt: skip
        answer = shop.admin.post("/mgmt/datastore-versions", json={"version": body})
        assert answer.status_code == 202, answer.text
    failed = shop.put({"datastore_version": "not-here"}, ends="failed")
    assert failed["error"]["code"] == "engine_not_installed", failed
    before = shop.shown["datastore"]["version"]
    shop.check()
    shop.put({"datastore_version": f"exact-{version}"})
    shop.check()
    assert shop.shown["datastore"]["version"] == f"exact-{version}" != before
