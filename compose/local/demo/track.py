"""What the demo does with one instance, from its creation to the restart."""

import json
import secrets
from dataclasses import dataclass, field
from typing import Any, Final

from compose.local.console import fail
from compose.local.demo.client import OpenStack, Refused, until
from compose.local.demo.login import Datastore, Login, read_rows, server_version, write_rows
from compose.local.demo.timeline import Timeline

_ACTIVE_SECONDS: Final = 120.0
_EFFECT_SECONDS: Final = 60.0
_WORDS: Final = ["apple", "birch", "cedar"]


@dataclass(slots=True)
class Track:
    """One instance, seen through the client and through a driver."""

    openstack: OpenStack
    timeline: Timeline
    datastore: Datastore
    version: str
    flavor: str
    instance_id: str = ""
    _password: str = field(default_factory=lambda: secrets.token_urlsafe(12))

    @property
    def name(self) -> str:
        return f"demo-{self.datastore}"

    def run(self) -> Login:
        """All steps; returns the login of the user it made first."""
        step = self.timeline.step
        with step(self.datastore, "create an instance with a database and a user"):
            self._create()
        with step(self.datastore, "wait until ACTIVE and HEALTHY"):
            shown = until(
                f"{self.name} to be ACTIVE and HEALTHY", self._show_healthy, seconds=_ACTIVE_SECONDS
            )
        login = Login(self.datastore, _address(shown), "app", self._password, "shop")
        with step(self.datastore, "log in over TCP, write and read rows"):
            write_rows(login, _WORDS)
            _expect(read_rows(login), _WORDS)
            server_version(login)
        self._add_user_and_database(login)
        self._enable_root(login)
        with step(self.datastore, "restart; the data is still there"):
            self.openstack.database("instance", "restart", self.instance_id)
            until(f"{self.name} to be back", self._show_healthy, seconds=_ACTIVE_SECONDS)
            _expect(read_rows(login), _WORDS)
        return login

    def _create(self) -> None:
        created = json.loads(
            self.openstack.database(
                *("instance", "create", self.name, "--flavor", self.flavor, "--size", "1"),
                *("--datastore", self.datastore, "--datastore-version", self.version),
                *("--databases", "shop", "--users", f"app:{self._password}", "-f", "json"),
            )
        )
        self.instance_id = created["id"]

    def _add_user_and_database(self, login: Login) -> None:
        password = secrets.token_urlsafe(12)
        step = self.timeline.step
        with step(self.datastore, "add a database"):
            self.openstack.database("db", "create", self.instance_id, "reports")
            until("the new database", lambda: "reports" in self._names("db"), seconds=_EFFECT_SECONDS)
        with step(self.datastore, "add a user"):
            self.openstack.database("user", "create", self.instance_id, "analyst", password)
            until("the new user", lambda: "analyst" in self._names("user"), seconds=_EFFECT_SECONDS)
        with step(self.datastore, "grant access; the new user logs in"):
            self.openstack.database("user", "grant", "access", self.instance_id, "analyst", "reports")
            analyst = login.with_account("analyst", password, "reports")
            write_rows(analyst, _WORDS)
            _expect(read_rows(analyst), _WORDS)

    def _enable_root(self, login: Login) -> None:
        with self.timeline.step(self.datastore, "enable root; root logs in"):
            root = json.loads(self.openstack.database("root", "enable", self.instance_id, "-f", "json"))
            _expect(read_rows(login.with_account(root["name"], root["password"], "shop")), _WORDS)

    def _names(self, kind: str) -> list[str]:
        return [row["Name"] for row in self.openstack.json("database", kind, "list", self.instance_id)]

    def _show_healthy(self) -> dict[str, Any] | None:
        try:
            shown: dict[str, Any] = self.openstack.json("database", "instance", "show", self.instance_id)
        except Refused as refusal:
            return fail(f"the instance cannot be shown: {refusal}")
        if shown["status"] == "ERROR":
            fail(f"the instance is in ERROR: {shown.get('fault') or 'no fault is shown'}")
        is_healthy = shown["status"] == "ACTIVE" and shown["operating_status"] == "HEALTHY"
        return shown if is_healthy else None


def _address(shown: dict[str, Any]) -> str:
    """The first address of an instance, as the client prints it."""
    addresses = shown.get("addresses") or shown.get("ip")
    if isinstance(addresses, str):
        addresses = json.loads(addresses.replace("'", '"')) if addresses.startswith("[") else [addresses]
    if not addresses:
        fail("the instance shows no address")
    first = addresses[0]
    return str(first["address"] if isinstance(first, dict) else first)


def _expect(found: list[str], wanted: list[str]) -> None:
    if found != wanted:
        fail(f"the rows {wanted} were written but {found} are there")
