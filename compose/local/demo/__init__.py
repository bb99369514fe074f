"""`make demo`: the service as a user meets it, through the real `openstack database` commands."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

from compose.local import clients
from compose.local.console import fail, say
from compose.local.demo.client import OpenStack, Refused, until
from compose.local.demo.login import PORTS, Datastore, Login
from compose.local.demo.timeline import Timeline
from compose.local.demo.track import Track
from compose.local.stack import Stack

_DATASTORES: Final[tuple[Datastore, ...]] = ("mariadb", "postgresql")
_DELETE_SECONDS: Final = 90.0


def run(stack: Stack) -> None:
    """The whole demo against a running stack. Raises Failure."""
    openstack = OpenStack(clients.variables(stack.environment, "demo"))
    timeline = Timeline()
    say("\nNow through the `openstack` client, two instances side by side:\n")
    with ThreadPoolExecutor(max_workers=4) as pool:
        tracks = _look_around(openstack, timeline, pool)
        logins = list(pool.map(Track.run, tracks))
    kept, other = tracks
    with timeline.step("both", "list the instances"):
        listed = openstack.json("database", "instance", "list")
        if not {track.instance_id for track in tracks} <= {row["ID"] for row in listed}:
            fail("the list does not show both instances")
    with timeline.step(other.datastore, "delete it, and it is gone"):
        _delete(openstack, [other.instance_id])
    say(f"\n{timeline.render()}\n")
    _say_what_next(stack, kept, logins[0])


def _look_around(openstack: OpenStack, timeline: Timeline, pool: ThreadPoolExecutor) -> list[Track]:
    """See what can be had, and clear away what an earlier demo left."""
    with timeline.step("both", "log in; list datastores, flavors and instances"):
        looks: dict[str, tuple[str, ...]] = {
            "flavors": ("database", "flavor", "list"),
            "instances": ("database", "instance", "list"),
            **{name: ("datastore", "version", "list", name) for name in _DATASTORES},
        }
        found = dict(zip(looks, pool.map(lambda look: openstack.json(*look), looks.values()), strict=True))
    earlier = [row["ID"] for row in found["instances"] if row["Name"].startswith("demo-")]
    if earlier:
        with timeline.step("both", "delete what an earlier demo left"):
            _delete(openstack, earlier)
    flavor = _smallest(found["flavors"])
    return [Track(openstack, timeline, name, _newest(name, found[name]), flavor) for name in _DATASTORES]


def _delete(openstack: OpenStack, instance_ids: list[str]) -> None:
    def is_gone() -> bool:
        listed = openstack.json("database", "instance", "list")
        return not {row["ID"] for row in listed} & set(instance_ids)

    for instance_id in instance_ids:
        try:
            openstack.database("instance", "delete", instance_id)
        except Refused as refusal:
            fail(f"instance {instance_id} cannot be deleted: {refusal}")
    until("the instances to be gone", is_gone, seconds=_DELETE_SECONDS)


def _smallest(flavors: list[dict[str, Any]]) -> str:
    if not flavors:
        fail("there is no flavor: `manage.py register_local` makes them")
    return str(min(flavors, key=lambda flavor: int(flavor["RAM"]))["ID"])


def _newest(datastore: str, versions: list[dict[str, Any]]) -> str:
    if not versions:
        fail(f"there is no version of {datastore}: `manage.py doctor` tells which programs are missing")
    return str(versions[-1]["Name"])


def _say_what_next(stack: Stack, kept: Track, login: Login) -> None:
    here = Path.cwd()
    rc = stack.layout.openrc("demo")
    shown = rc.relative_to(here) if rc.is_relative_to(here) else rc
    for name, url in clients.addresses(stack.environment):
        say(f"  {name:18} {url}")
    say(f"  {'Passwords':18} {stack.layout.credentials}")
    say(f"  {kept.name:18} {login.datastore}, {login.host}:{PORTS[login.datastore]}, still running\n")
    say("Try next:")
    say(f"  . {shown}")
    say("  openstack database instance list")
    say(f"  openstack database user list {kept.name}")
    say(f"  openstack database instance show {kept.name}")
    say("  make status      make logs      make down      make up")
