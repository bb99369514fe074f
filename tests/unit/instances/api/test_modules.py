"""Modules: made, kept sealed, put on instances by the guest, taken off again (contract 1.10)."""

import base64
import hashlib
from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from dbaas.common.errors import GuestSilent
from guestagent.protocol.commands import ApplyModules, RemoveModule
from instances.models import Instance, InstanceModule, Module
from tests.unit.instances.api.conftest import Api, Projects, ScriptedGuest

pytestmark = pytest.mark.django_db
CONTENTS = base64.b64encode(b"message=a secret greeting").decode()


def create(api: Api, base: str, role: str = "member", **changes: Any) -> Any:
    body = {"name": "hello", "module_type": "ping", "contents": CONTENTS, "description": "greets"} | changes
    return api(role).post(f"{base}/modules", {"module": body}, format="json")


@pytest.fixture
def module(api: Api, base: str) -> str:
    answer = create(api, base)
    assert answer.status_code == 200, answer.content
    return str(answer.json()["module"]["id"])


def apply(api: Api, base: str, instance: Instance, *modules: str) -> Any:
    body = {"modules": [{"id": module} for module in modules]}
    return api().post(f"{base}/instances/{instance.pk}/modules", body, format="json")


def test_create_shows_everything_but_the_contents(api: Api, base: str, projects: Projects) -> None:
    answer = create(api, base, live_update=1, apply_order=3, datastore={})
    assert answer.status_code == 200, answer.content
    shown = answer.json()["module"]
    assert CONTENTS not in answer.content.decode()
    project = projects["alpha"].pk
    assert {key: shown[key] for key in shown if key not in {"id", "created", "updated"}} == {
        "name": "hello", "type": "ping", "description": "greets", "tenant_id": project, "tenant": project,
        "datastore_id": None, "datastore": "all", "datastore_version_id": None, "datastore_version": "all",
        "auto_apply": 0, "priority_apply": 0, "apply_order": 3, "is_admin": 0, "visible": 1, "live_update": 1,
        "md5": hashlib.md5(CONTENTS.encode(), usedforsecurity=False).hexdigest(), "instance_count": 0,
    }  # fmt: skip
    row = Module.objects.get()
    assert "greeting" not in row.sealed_contents
    assert CONTENTS not in row.sealed_contents
    assert api("reader").get(f"{base}/modules/{row.pk}").json()["module"] == shown
    assert api("reader").get(f"{base}/modules").json()["modules"] == [shown]


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"contents": "no base64!"}, 400),
        ({"contents": base64.b64encode(b"\xff\xfe").decode()}, 400),
        ({"contents": ""}, 400),
        ({"apply_order": 10}, 400),
        ({"name": "!"}, 400),
        ({"surprise": 1}, 400),
        ({"module_type": "new_relic_license"}, 404),
        ({"datastore": {"type": "nothing"}}, 404),
        ({"auto_apply": 1}, 501),
        ({"all_tenants": 1}, 403),
        ({"visible": 0}, 403),
        ({"priority_apply": 1}, 403),
    ],
    ids=str,
)
def test_create_refuses(api: Api, base: str, changes: dict[str, Any], status: int) -> None:
    answer = create(api, base, **changes)
    assert answer.status_code == status, answer.content
    assert not Module.objects.exists()


def test_projects_see_their_own_and_what_is_for_all(api: Api, base: str, projects: Projects) -> None:
    create(api, base, "admin", name="for-all", all_tenants=1)
    create(api, base, "admin", name="hidden", all_tenants=1, visible=0)
    create(api, base, name="ours")
    theirs = f"/v1.0/{projects['beta'].pk}/modules"
    listed = api("member", "beta").get(theirs).json()["modules"]
    assert [item["name"] for item in listed] == ["for-all"]
    (for_all,) = listed
    changed = api("member", "beta").put(f"{theirs}/{for_all['id']}", {"module": {"name": "x"}}, format="json")
    assert changed.status_code == 403
    assert api("member", "beta").delete(f"{theirs}/{for_all['id']}").status_code == 403
    ours = Module.objects.get(name="ours")
    assert api("member", "beta").get(f"{theirs}/{ours.pk}").status_code == 404
    assert len(api("admin").get(f"{base}/modules").json()["modules"]) == 3


def test_apply_list_and_remove(
    api: Api, base: str, instance: Instance, module: str, guest: ScriptedGuest
) -> None:
    guest.answers = {ApplyModules: [{"id": module, "message": "a secret greeting", "error": None}]}
    answer = apply(api, base, instance, module, module)
    assert answer.status_code == 200, answer.content
    (shown,) = answer.json()["modules"]
    assert (shown["status"], shown["message"], shown["id"]) == ("applied", "a secret greeting", module)
    assert shown["md5"] == shown["current_md5"]
    (asked,) = guest.asked
    assert isinstance(asked, ApplyModules)
    assert asked.modules[0].contents.reveal() == "message=a secret greeting"
    url = f"{base}/instances/{instance.pk}/modules"
    assert api("reader").get(url).json()["modules"] == [shown]
    on = api("reader").get(f"{base}/modules/{module}/instances").json()
    assert on == {"instances": [{"id": str(instance.pk), "name": "db1"}]}
    counted = api("reader").get(f"{base}/modules/{module}/instances?count_only=True").json()["instances"]
    assert [(line["current"], line["instance_count"]) for line in counted] == [(True, 1)]

    assert api().delete(f"{url}/{module}").status_code == 200
    assert isinstance(guest.asked[-1], RemoveModule)
    assert api("reader").get(url).json() == {"modules": []}
    assert api().delete(f"{url}/{module}").status_code == 404


def test_one_that_the_guest_cannot_apply_says_why(
    api: Api, base: str, instance: Instance, module: str, guest: ScriptedGuest
) -> None:
    guest.answers = {ApplyModules: [{"id": module, "message": "", "error": "It holds no message."}]}
    (shown,) = apply(api, base, instance, module).json()["modules"]
    assert (shown["status"], shown["message"]) == ("failed", "It holds no message.")


def test_silent_guest_leaves_a_row_that_says_so(
    api: Api, base: str, instance: Instance, module: str, guest: ScriptedGuest
) -> None:
    guest.answers = {ApplyModules: GuestSilent("It did not answer.")}
    assert apply(api, base, instance, module).status_code == 503
    row = InstanceModule.objects.get()
    assert (row.status, row.message) == ("failed", "It did not answer.")


def test_applied_ones_stay_as_they_are_until_removed(
    api: Api, base: str, instance: Instance, module: str, guest: ScriptedGuest
) -> None:
    guest.answers = {ApplyModules: [{"id": module, "message": "hi", "error": None}]}
    apply(api, base, instance, module)
    url = f"{base}/modules/{module}"
    assert api().put(url, {"module": {"name": "other"}}, format="json").status_code == 403
    assert api().delete(url).status_code == 403
    Instance.objects.filter(pk=instance.pk).update(deleted_at=timezone.now())
    assert api().put(url, {"module": {"name": "other"}}, format="json").json()["module"]["name"] == "other"
    assert api().delete(url).status_code == 200
    assert not Module.objects.exists()


def test_live_ones_change_and_are_told_apart(
    api: Api, base: str, instance: Instance, guest: ScriptedGuest
) -> None:
    module = str(create(api, base, live_update=1).json()["module"]["id"])
    guest.answers = {ApplyModules: [{"id": module, "message": "hi", "error": None}]}
    apply(api, base, instance, module)
    newer = {"module": {"contents": base64.b64encode(b"message=new").decode()}}
    assert api().put(f"{base}/modules/{module}", newer, format="json").status_code == 200
    (shown,) = api().get(f"{base}/instances/{instance.pk}/modules").json()["modules"]
    assert shown["md5"] != shown["current_md5"]


def test_module_of_another_datastore_is_refused(
    api: Api, base: str, instance: Instance, guest: ScriptedGuest, make_instance: Callable[..., Instance]
) -> None:
    from datastores.models import Datastore

    Datastore.objects.create(name="PostgreSQL")
    module = str(create(api, base, datastore={"type": "PostgreSQL"}).json()["module"]["id"])
    assert apply(api, base, instance, module).status_code == 400
    assert not guest.asked


@pytest.mark.parametrize(
    "body", [{}, {"modules": []}, {"modules": [{"id": "x"}]}, {"modules": "x"}, []], ids=str
)
def test_malformed_bodies_are_400(api: Api, base: str, instance: Instance, body: Any) -> None:
    assert api().post(f"{base}/instances/{instance.pk}/modules", body, format="json").status_code == 400
