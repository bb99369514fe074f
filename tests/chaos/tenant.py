"""A user of the service: the instance it keeps, and its logins to that."""

import itertools
import secrets
from dataclasses import dataclass, field
from typing import Any

import psycopg
import pymysql

from compose.local.demo.login import Datastore, Login
from tests.chaos.bench import Bench

_numbers = itertools.count(1)


def unique(prefix: str) -> str:
    return f"{prefix}_{next(_numbers)}_{secrets.token_hex(2)}"


def new_instance_body(datastore: str, user: str, password: str) -> dict[str, Any]:
    """A small one with two databases, and a user of the first."""
    return {
        "instance": {
            "name": unique("chaos"),
            "flavorRef": "1",
            "volume": {"size": 1},
            "datastore": {"type": datastore},
            "databases": [{"name": "first"}, {"name": "second"}],
            "users": [{"name": user, "password": password, "databases": [{"name": "first"}]}],
        }
    }


@dataclass(frozen=True, slots=True)
class Account:
    """A login, and whether it works."""

    login: Login

    def check(self) -> None:
        with self.login.cursor() as cursor:
            cursor.execute("SELECT 1")
            assert cursor.fetchone()[0] == 1

    def value(self, query: str) -> str:
        """The one value that the query gives."""
        with self.login.cursor() as cursor:
            cursor.execute(query)
            return str(cursor.fetchone()[0])

    def check_refused(self) -> None:
        try:
            self.check()
        except (pymysql.Error, psycopg.Error):
            return
        raise AssertionError(f"{self.login.user} can still log in to {self.login.database}")


@dataclass(slots=True)
class Kept:
    """An instance that serves many scenarios."""

    bench: Bench
    tenant: "Tenant"
    id: str
    owner: Account
    shown: dict[str, Any] = field(repr=False)

    def login(self, user: str, password: str, database: str = "first") -> Account:
        return self.tenant.login(self.shown, user, password, database)

    def create_user(self) -> tuple[str, str]:
        """Name and password of a new user of the database `first`."""
        name, password = unique("user"), secrets.token_urlsafe(12)
        user = {"name": name, "password": password, "databases": [{"name": "first"}]}
        self._do("users", {"users": [user]})
        return name, password

    def create_database(self, name: str) -> None:
        self._do("databases", {"databases": [{"name": name}]})

    def users(self) -> list[str]:
        return self._names("users")

    def databases(self) -> list[str]:
        return self._names("databases")

    def _do(self, what: str, body: dict[str, Any]) -> None:
        answer = self.bench.request("POST", f"/instances/{self.id}/{what}", body, expect=202)
        ended = self.bench.end_of(answer.headers["X-Operation-Id"])
        assert ended["state"] == "succeeded", ended

    def _names(self, what: str) -> list[str]:
        """As the guest has them now; it may need a moment to come back to the broker."""
        names: list[str] = []
        marker = ""
        while True:
            page = self._answer(f"/instances/{self.id}/{what}?limit=20{marker}").json()
            names += [item["name"] for item in page[what]]
            if len(page[what]) < 20:
                return names
            last = page[what][-1]
            marker = f"&marker={last['name']}" + (f"@{last['host']}" if what == "users" else "")

    def _answer(self, path: str) -> Any:
        return self.bench.stack.wait_until(
            lambda: _if_ok(self.bench.api.get(path)), timeout=60, what=f"an answer to {path}"
        )


def _if_ok(answer: Any) -> Any:
    return answer if answer.status_code == 200 else None


class Tenant:
    """Keeps one instance of its datastore, and gets a new one when that is no good any more."""

    def __init__(self, bench: Bench, datastore: Datastore) -> None:
        self.bench = bench
        self.datastore: Datastore = datastore
        self._kept: Kept | None = None

    def login(self, shown: dict[str, Any], user: str, password: str, database: str) -> Account:
        return Account(Login(self.datastore, shown["ip"][0], user, password, database))

    def instance(self) -> Kept:
        """Healthy, and its guest answers."""
        if self._kept is None or self.bench.api.get(f"/instances/{self._kept.id}").status_code != 200:
            self._kept = self._create()
        self.bench.wait_healthy(self._kept.id)
        self._kept.databases()
        return self._kept

    def leave(self) -> None:
        """Delete the instance and see that nothing is left of it."""
        if self._kept is None:
            return
        kept, self._kept = self._kept, None
        answer = self.bench.request("DELETE", f"/instances/{kept.id}", expect=202)
        assert self.bench.end_of(answer.headers["X-Operation-Id"])["state"] == "succeeded"
        self.bench.assert_gone(kept.id)

    def _create(self) -> Kept:
        password = secrets.token_urlsafe(12)
        body = new_instance_body(self.datastore, "owner", password)
        answer = self.bench.request("POST", "/instances", body, expect=200)
        ended = self.bench.end_of(answer.headers["X-Operation-Id"])
        assert ended["state"] == "succeeded", ended
        instance_id = answer.json()["instance"]["id"]
        shown = self.bench.wait_healthy(instance_id)
        owner = self.login(shown, "owner", password, "first")
        return Kept(self.bench, self, instance_id, owner, shown)
