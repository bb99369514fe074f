"""Every project's instances, for operators (contract 1.8)."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from dbaas.common.errors import GuestSilent
from guestagent.protocol.commands import GetDiagnostics, GetHardware, Ping
from instances.models import Instance, InstanceState, RootHistory
from tests.unit.instances.api.conftest import Api, Projects, ScriptedGuest

pytestmark = pytest.mark.django_db

HARDWARE = {
    "memory_mb": 512, "vcpus": 1, "machine_memory_mb": 7900, "machine_cpus": 2,
    "load_average": [0.5, 0.25, 0.1], "uptime_seconds": 12.5, "architecture": "x86_64", "kernel": "6.1",
}  # fmt: skip
VITALS = {
    "pid": 7, "threads": 3, "fd_size": 64, "open_files": 9, "vm_size_kb": 40, "vm_peak_kb": 41,
    "vm_rss_kb": 20, "vm_hwm_kb": 21,
}  # fmt: skip


@pytest.fixture
def others(projects: Projects, make_instance: Callable[..., Instance]) -> Instance:
    return make_instance(project_id=projects["beta"].pk, name="theirs", server_id="s-1", volume_id="v-1")


def get(api: Api, base: str, path: str, role: str = "admin") -> Any:
    return api(role).get(f"{base}/mgmt/{path}")


def test_list_has_every_projects_instances(api: Api, base: str, instance: Instance, others: Instance) -> None:
    shown = get(api, base, "instances?deleted=False&include_clustered=False").json()["instances"]
    assert [item["id"] for item in shown] == [str(others.pk), str(instance.pk)]
    theirs = shown[0]
    assert theirs["tenant_id"] == others.project_id
    assert theirs["server"]["id"] == "s-1"
    assert theirs["service_status"] == "healthy"
    assert (theirs["deleted"], theirs["deleted_at"]) == (False, None)
    assert theirs["task_description"] == "No tasks for the instance."
    assert shown[1]["server"] is None


def test_list_of_one_project(api: Api, base: str, instance: Instance, others: Instance) -> None:
    shown = get(api, base, f"instances?project_id={others.project_id}").json()["instances"]
    assert [item["id"] for item in shown] == [str(others.pk)]


def test_deleted_ones_are_listed_and_shown_when_asked_for(
    api: Api, base: str, instance: Instance, others: Instance
) -> None:
    Instance.objects.filter(pk=others.pk).update(state=InstanceState.DELETED, deleted_at=timezone.now())
    shown = get(api, base, "instances?deleted=true").json()["instances"]
    assert [(item["id"], item["status"], item["deleted"]) for item in shown] == [
        (str(others.pk), "SHUTDOWN", True)
    ]
    assert get(api, base, f"instances/{others.pk}").status_code == 404
    assert get(api, base, f"instances/{others.pk}?deleted=true").json()["instance"]["deleted_at"]


def test_list_takes_as_many_queries_for_many_as_for_one(
    api: Api, base: str, projects: Projects, make_instance: Callable[..., Instance]
) -> None:
    client = api("admin")

    def count() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert client.get(f"{base}/mgmt/instances").status_code == 200
        return len(queries)

    make_instance(project_id=projects["beta"].pk)
    count()
    with_one = count()
    for _ in range(4):
        make_instance(project_id=projects["beta"].pk)
    assert count() == with_one


@pytest.mark.parametrize("query", ["deleted=perhaps", "project_id=%00", "limit=x"])
def test_malformed_queries_are_400(api: Api, base: str, query: str) -> None:
    assert get(api, base, f"instances?{query}").status_code == 400


def test_show(api: Api, base: str, others: Instance) -> None:
    RootHistory.objects.create(instance=others, enabled_by="mel")
    shown = get(api, base, f"instances/{others.pk}").json()["instance"]
    assert shown["root_enabled_by"] == "mel"
    assert shown["root_enabled"]
    assert shown["guest_status"] == {"state_description": "healthy"}
    assert shown["volume"]["id"] == "v-1"
    assert shown["volume"]["attachments"] == ["s-1"]
    assert shown["server"]["addresses"] == []


def test_root_history(api: Api, base: str, others: Instance) -> None:
    url = f"instances/{others.pk}/root"
    never = {"id": str(others.pk), "enabled": "Never", "user": "Nobody"}
    assert get(api, base, url).json() == {"root_history": never}
    RootHistory.objects.create(instance=others, enabled_by="mel", disabled_at=timezone.now())
    assert get(api, base, url).json()["root_history"]["user"] == "mel"


def test_guest_is_asked(api: Api, base: str, others: Instance, guest: ScriptedGuest) -> None:
    guest.answers = {
        GetHardware: HARDWARE,
        GetDiagnostics: {
            "agent_version": "1.2",
            "engine_version": "10.11.6",
            "agent": VITALS,
            "server": VITALS,
        },
    }
    hwinfo = get(api, base, f"instances/{others.pk}/hwinfo").json()["hwinfo"]
    assert (hwinfo["mem_total"], hwinfo["num_cpus"], hwinfo["kernel"]) == (512, 1, "6.1")
    found = get(api, base, f"instances/{others.pk}/diagnostics").json()["diagnostics"]
    assert (found["version"], found["threads"], found["vm_rss"], found["fd_size"]) == ("1.2", 3, 20, 64)
    assert (found["server"]["version"], found["server"]["vm_peak"]) == ("10.11.6", 41)
    pong = get(api, base, f"instances/{others.pk}/rpc_ping")
    assert (pong.status_code, pong.content) == (204, b"")
    assert [type(command) for command in guest.asked] == [GetHardware, GetDiagnostics, Ping]


def test_silent_guest_is_503(api: Api, base: str, others: Instance, guest: ScriptedGuest) -> None:
    guest.answers = {Ping: GuestSilent("It did not answer.")}
    assert get(api, base, f"instances/{others.pk}/rpc_ping").status_code == 503


def test_answer_that_makes_no_sense_is_422(
    api: Api, base: str, others: Instance, guest: ScriptedGuest
) -> None:
    guest.answers = {GetHardware: {"memory_mb": "lots"}}
    assert get(api, base, f"instances/{others.pk}/hwinfo").status_code == 422


def test_reset_task_status(api: Api, base: str, others: Instance) -> None:
    Instance.objects.filter(pk=others.pk).update(state=InstanceState.RESTARTING)
    answer = api("admin").post(
        f"{base}/mgmt/instances/{others.pk}/action", {"reset-task-status": {}}, format="json"
    )
    assert (answer.status_code, answer.content) == (202, b"")
    others.refresh_from_db()
    assert others.state == InstanceState.ACTIVE


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        {"explode": {}},
        {"stop": {}, "reboot": {}},
        {"stop": "now"},
        {"rebuild": {}},
        {"migrate": {"host": 1}},
    ],
    ids=str,
)
def test_malformed_actions_are_400(api: Api, base: str, others: Instance, body: Any) -> None:
    url = f"{base}/mgmt/instances/{others.pk}/action"
    assert api("admin").post(url, body, format="json").status_code == 400


@pytest.mark.parametrize("path", ["instances", "instances/{}", "instances/{}/root", "instances/{}/rpc_ping"])
def test_only_operators_may(api: Api, base: str, instance: Instance, path: str) -> None:
    assert get(api, base, path.format(instance.pk), "member").status_code == 403


@pytest.mark.parametrize("key", ["no-id", "5a1a557c-2adc-43aa-ad94-f4b643d7dba8"])
def test_unknown_instance_is_404(api: Api, base: str, key: str) -> None:
    assert get(api, base, f"instances/{key}").status_code == 404
