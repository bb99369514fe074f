"""Every command of the `openstack` plugin, in an order in which each finds what it needs.

A row says what is typed, and then either what is printed or the words of the refusal. `effect` looks at what
became of it through the API. Names in braces are filled in from the scene.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from tests.e2e.stack import ApiSession, PrivateStack

NOWHERE: Final = "5a1a557c-2adc-43aa-ad94-f4b643d7dba8"
#: Rows whose refusal says so are for what comes later.
LATER: Final = "not served"


@dataclass
class Scene:
    """The stack, and what the rows before have made."""

    stack: PrivateStack
    member: ApiSession
    operator: ApiSession
    names: dict[str, str] = field(default_factory=dict)

    def get(self, path: str, *, operator: bool = False) -> Any:
        session, url = self.operator if operator else self.member, path.format(**self.names)
        while (answer := session.get(url)).status_code == 413:  # the rate limit says how long to wait
            time.sleep(float(answer.headers["Retry-After"]))
        answer.raise_for_status()
        return answer.json()

    def instance(self) -> dict[str, Any]:
        found: dict[str, Any] = self.get("/instances/{id}")["instance"]
        return found

    def wait_until_healthy(self) -> None:
        def is_healthy() -> bool:
            shown = self.instance()
            assert shown["status"] != "ERROR", shown.get("fault")
            return (shown["status"], shown["operating_status"]) == ("ACTIVE", "HEALTHY")

        self.stack.wait_until(is_healthy, timeout=300, what="the instance to be healthy")


Effect = Callable[[Scene], object]


@dataclass(frozen=True)
class Row:
    command: str
    arguments: tuple[str, ...] = ()
    prints: str = ""
    refused: str | None = None
    effect: Effect | None = None
    cloud: str = "demo"


def row(command: str, *arguments: str, **expected: Any) -> Row:
    return Row(command, arguments, **expected)


def _note_instance(scene: Scene) -> None:
    (found,) = [item for item in scene.get("/instances")["instances"] if item["name"] == "shop"]
    scene.names["id"] = found["id"]
    scene.wait_until_healthy()


def _eventually(what: str, look: Callable[[Scene], object]) -> Effect:
    def effect(scene: Scene) -> None:
        scene.stack.wait_until(lambda: look(scene), timeout=120, what=what)

    return effect


def _databases(scene: Scene) -> set[str]:
    return {item["name"] for item in scene.get("/instances/{id}/databases")["databases"]}


def _users(scene: Scene) -> dict[str, set[str]]:
    users = scene.get("/instances/{id}/users")["users"]
    return {item["name"]: {database["name"] for database in item["databases"]} for item in users}


def _version(scene: Scene) -> dict[str, Any]:
    versions = scene.get("/mgmt/datastore-versions", operator=True)["versions"]
    (found,) = [item for item in versions if item["datastore_name"] == "spare"]
    scene.names["spare"] = found["id"]
    return dict(found)


def _instances(scene: Scene) -> list[str]:
    return [item["id"] for item in scene.get("/instances")["instances"]]


def _group(scene: Scene) -> dict[str, Any]:
    (found,) = scene.get("/configurations")["configurations"]
    return dict(scene.get(f"/configurations/{found['id']}")["configuration"])


def _configuration(scene: Scene) -> str | None:
    shown = scene.instance()
    if shown["status"] not in {"ACTIVE", "RESTART_REQUIRED"} or not shown["operating_status"]:
        return "still at it"
    return str(shown["configuration"]["id"]) if "configuration" in shown else None


def _becomes(look: Callable[[dict[str, Any]], object], expected: object) -> Effect:
    def effect(scene: Scene) -> None:
        scene.wait_until_healthy()
        wanted = expected.format(**scene.names) if isinstance(expected, str) else expected
        _same(look(scene.instance()), wanted)

    return effect


CATALOGUE: Final = (
    row("datastore list", prints="mariadb"),
    row("datastore show", "mariadb", prints="{version}"),
    row("datastore version list", "mariadb", prints="{version}"),
    row("datastore version show", "--datastore", "mariadb", "{version}", prints="{version}"),
    row(
        *("datastore version create", "1.0", "spare", "mariadb", "", "--image-tags", "dbaas,spare"),
        cloud="admin",
        effect=lambda s: _same(_version(s)["image_tags"], ["dbaas", "spare"]),
    ),
    row(
        *("datastore version set", "{spare}", "--enable", "--default", "--version-name", "1.1"),
        cloud="admin",
        effect=lambda s: _same(
            (_version(s)["name"], _version(s)["active"], _version(s)["default"]), ("1.1", True, True)
        ),
    ),
    row(
        "datastore version create",
        "1.0",
        "spare",
        "oracle",
        "x",
        cloud="admin",
        refused="there is none named",
    ),
    row("datastore delete", "spare", cloud="admin", refused="has versions"),
    row("datastore version delete", "{spare}", cloud="admin"),
    row("datastore delete", "spare", cloud="admin", effect=lambda s: s.operator.get("/datastores/spare")),
    row("database flavor list", prints="{flavor}"),
    row("database flavor list", "--datastore-type", "mariadb", "--datastore-version-id", "{version_id}"),
    row("database flavor show", "{flavor}", prints="{flavor}"),
    row("database limit list", prints="GET"),
    row("database quota show", "{project}", prints="instances"),
    row(
        *("database quota update", "{project}", "volumes", "39"),
        cloud="admin",
        prints="39",
        effect=lambda s: _same(_quota(s, "volumes"), 39),
    ),
    row("database quota update", "{project}", "volumes", "99", refused="(HTTP 403)"),
    row(
        "database configuration parameter list",
        "--datastore",
        "mariadb",
        "{version}",
        prints="max_connections",
    ),
    row(
        *("database configuration parameter show", "--datastore", "mariadb", "{version}", "max_connections"),
        prints="integer",
    ),
)

INSTANCE: Final = (
    row(
        *("database instance create", "shop", "--datastore", "mariadb", "--datastore-version", "{version}"),
        *("--flavor", "{flavor}", "--size", "1", "--databases", "orders", "--users", "ann:ann-secret-1"),
        prints="BUILD",
        effect=_note_instance,
    ),
    row("database instance list", prints="shop"),
    row("database instance list", "--all-projects", cloud="admin", prints="shop"),
    row("database instance show", "shop", prints="HEALTHY"),
    row(
        *("database instance update", "shop", "--name", "shop-1"),
        effect=lambda s: _same(s.instance()["name"], "shop-1"),
    ),
    row("database db list", "{id}", prints="orders"),
    row(
        "database db create", "{id}", "stock", effect=_eventually("stock", lambda s: "stock" in _databases(s))
    ),
    row("database user list", "{id}", prints="ann"),
    row("database user show", "{id}", "ann", prints="orders"),
    row(
        *("database user create", "{id}", "ben", "ben-secret-1", "--databases", "orders"),
        effect=_eventually("ben", lambda s: _users(s).get("ben") == {"orders"}),
    ),
    row(
        *("database user grant access", "{id}", "ben", "stock"),
        effect=_eventually("the grant", lambda s: _users(s)["ben"] == {"orders", "stock"}),
    ),
    row("database user show access", "{id}", "ben", prints="stock"),
    row(
        *("database user revoke access", "{id}", "ben", "stock"),
        effect=_eventually("the revocation", lambda s: _users(s)["ben"] == {"orders"}),
    ),
    row(
        *(
            "database user update attributes",
            "{id}",
            "ben",
            "--new_name",
            "bob",
            "--new_password",
            "bob-secret-1",
        ),
        effect=_eventually("bob", lambda s: "bob" in _users(s) and "ben" not in _users(s)),
    ),
    row(
        "database user delete",
        "{id}",
        "bob",
        effect=_eventually("bob's end", lambda s: "bob" not in _users(s)),
    ),
    row(
        "database db delete",
        "{id}",
        "stock",
        effect=_eventually("its end", lambda s: "stock" not in _databases(s)),
    ),
    row("database root show", "{id}", prints="False"),
    row("database root enable", "{id}", prints="root", effect=lambda s: _same(_root(s), True)),
    row("database root disable", "{id}", effect=lambda s: _same(_root(s), False)),
    row(
        *("database instance restart", "{id}"),
        effect=lambda s: s.wait_until_healthy(),
    ),
    row("database instance reset status", "{id}", cloud="demo", refused="(HTTP 403)"),
)

CONFIGURATION: Final = (
    row("database configuration list"),
    row(
        *("database configuration create", "tuned", '{{"max_connections": 77}}', "--datastore", "mariadb"),
        *("--datastore-version", "{version}"),
        prints="tuned",
        effect=lambda s: s.names.update(group=_group(s)["id"]),
    ),
    row("database configuration show", "{group}", prints="77"),
    row(
        *("database configuration set", "{group}", '{{"max_connections": 78}}', "--name", "tuned-2"),
        effect=lambda s: _same(
            (_group(s)["name"], _group(s)["values"]), ("tuned-2", {"max_connections": 78})
        ),
    ),
    row(
        *("database configuration parameter set", "{group}", '{{"wait_timeout": 900}}'),
        effect=lambda s: _same(_group(s)["values"], {"max_connections": 78, "wait_timeout": 900}),
    ),
    row(
        *("database configuration attach", "{id}", "{group}"),
        effect=_eventually("the group to be attached", lambda s: _configuration(s) == s.names["group"]),
    ),
    row("database configuration instances", "{group}", prints="{id}"),
    row("database configuration default", "{id}", prints="max_connections"),
    row("database configuration delete", "{group}", refused="(HTTP 400)"),
    row(
        *("database configuration detach", "{id}"),
        effect=_eventually("the group to be detached", lambda s: _configuration(s) is None),
    ),
    row(
        "database configuration delete",
        "{group}",
        effect=lambda s: _same(s.get("/configurations")["configurations"], []),
    ),
)

LIFECYCLE: Final = (
    row("database instance resize volume", "{id}", "2", effect=_becomes(lambda i: i["volume"]["size"], 2)),
    row(
        "database instance resize flavor",
        "{id}",
        "{larger}",
        effect=_becomes(lambda i: i["flavor"]["id"], "{larger}"),
    ),
    row("database instance reboot", "{id}", cloud="admin", effect=lambda s: s.wait_until_healthy()),
    row("database instance rebuild", "{id}", NOWHERE, cloud="admin", effect=lambda s: s.wait_until_healthy()),
    row("database instance upgrade", "{id}", "{version_id}", refused="(HTTP 4"),
)

#: What there is nothing behind: each refusal says so.
REFUSED: Final = (
    row("database backup list"),
    row("database backup list instance", "{id}"),
    row("database backup show", NOWHERE, refused="No "),
    row("database backup create", "b", "-i", "{id}", refused="Creating backups is not served yet"),
    row("database backup delete", NOWHERE, refused="Unable to delete the specified database backup"),
    row("database backup execution delete", NOWHERE, refused=""),
    row("database backup strategy list"),
    row("database backup strategy create", "--swift-container", "c", refused="not served yet"),
    row("database backup strategy delete"),
    row("database cluster list"),
    row(
        *("database cluster create", "c", "mariadb", "{version}", "--instance", "flavor={flavor},volume=1"),
        refused="Clusters are not served",
    ),
    *(
        row(f"database cluster {verb}", NOWHERE, *more, refused="No cluster")
        for verb, more in (
            ("show", ()),
            ("delete", ()),
            ("force delete", ()),
            ("reset status", ()),
            ("list instances", ()),
            ("modules", ()),
            ("upgrade", ("10.11",)),
            ("grow", ("--instance", "flavor=1,volume=1")),
            ("shrink", (NOWHERE,)),
        )
    ),
    row("database log list", "{id}", refused=LATER),
    row("database log show", "{id}", "general", refused=LATER),
    row("database log set", "--enable", "{id}", "general", refused=LATER),
    row("database log tail", "{id}", "general", prints=LATER),  # the client prints refusals of these two
    row("database log save", "{id}", "general", prints=LATER),
    row("database ssl show", "{id}", refused=LATER),
    row("database ssl enable", "{id}", "http://127.0.0.1/secret", refused=LATER),
    row("database ssl disable", "{id}", refused=LATER),
    row("database ssl rollback", "{id}", refused=LATER),
    row("database instance detach", "{id}", refused=LATER),
    row("database instance promote", "{id}", refused=LATER),
    row("database instance eject", "{id}", refused=LATER),
)

END: Final = (
    row("database instance delete", "{id}", effect=_eventually("its end", lambda s: not _instances(s))),
    row("database instance force delete", "{id}", refused="No instance"),
)

TABLE: Final = (*CATALOGUE, *INSTANCE, *CONFIGURATION, *LIFECYCLE, *REFUSED, *END)


def _same(found: object, expected: object) -> None:
    assert found == expected, f"found {found!r}, not {expected!r}"


def _quota(scene: Scene, resource: str) -> int:
    lines = scene.get("/mgmt/quotas/{project}")["quotas"]
    return next(int(line["limit"]) for line in lines if line["resource"] == resource)


def _root(scene: Scene) -> bool:
    return bool(scene.get("/instances/{id}/root")["rootEnabled"])
