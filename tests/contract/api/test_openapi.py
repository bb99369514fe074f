"""The OpenAPI document tells the truth: fuzzed requests get documented answers, and never a defect."""

from collections.abc import Callable
from typing import Any

import pytest
import schemathesis
from django.core.wsgi import get_wsgi_application
from hypothesis import HealthCheck
from hypothesis import settings as limits
from pytest_django import Settings
from schemathesis.checks import load_all_checks
from schemathesis.specs.openapi import checks

from dbaas.accounts import tokens
from dbaas.accounts.models import Project, RoleAssignment, User
from dbaas.events.models import Webhook
from guestagent.protocol import commands
from instances.guest import GuestClient
from instances.models import Instance

pytestmark = pytest.mark.django_db

load_all_checks()
schema = schemathesis.openapi.from_wsgi("/schema", get_wsgi_application())
CHECKS = [
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]
ANN = {"name": "ann", "host": "%", "databases": ["app"]}
ANSWERS: dict[type[commands.Command], Any] = {
    commands.ListDatabases: {"items": [{"name": "app"}], "next_marker": None},
    commands.ListUsers: {"items": [ANN], "next_marker": None},
    commands.GetUser: ANN,
    commands.ApplyModules: [],
    commands.GetHardware: {
        "memory_mb": 512,
        "vcpus": 1,
        "machine_memory_mb": 1024,
        "machine_cpus": 2,
        "load_average": [0.5, 0.25, 0.1],
        "uptime_seconds": 1.5,
        "architecture": "x86_64",
        "kernel": "6.1",
    },
    commands.GetDiagnostics: {"agent_version": "1", "engine_version": None, "agent": None, "server": None},
}


@pytest.fixture
def project(db: None, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Project:
    for verb in ("GET", "POST", "PUT", "DELETE"):
        setattr(settings, f"HTTP_{verb}_RATE", 0)
    settings.MAX_INSTANCES_PER_TENANT = settings.MAX_VOLUMES_PER_TENANT = -1
    monkeypatch.setattr(GuestClient, "ask", lambda self, command, **_: ANSWERS.get(type(command), {}))
    return Project.objects.create(name="fuzzed")


@pytest.fixture
def token(project: Project) -> str:
    user = User.objects.create(name="fuzzer")
    RoleAssignment.objects.create(user=user, project=project, role="admin")
    return tokens.issue(user=user, project=project, methods=["password"])[0].reveal()


def aim(case: Any, project: Project, make_instance: Callable[..., Instance]) -> None:
    """Point the request at what is there, or nearly every one would end at 403 and 404."""
    if "project_id" in case.path_parameters:
        case.path_parameters["project_id"] = project.pk
    if "instance_id" in case.path_parameters:
        instance = Instance.objects.filter(deleted_at=None).first() or make_instance(project_id=project.pk)
        Instance.objects.filter(pk=instance.pk).update(state="active", is_deletion_protected=False)
        case.path_parameters["instance_id"] = str(instance.pk)
    if "webhook_id" in case.path_parameters:
        webhook = Webhook.objects.first() or Webhook.objects.create(
            project_id=project.pk, url="https://x.org/"
        )
        case.path_parameters["webhook_id"] = str(webhook.pk)
    is_create = case.operation.label == "POST /v1.0/{project_id}/instances"
    if is_create and case.meta.generation.mode.is_positive:
        case.headers.pop("Idempotency-Key", None)
        case.body["instance"] |= {"flavorRef": "1", "volume": {"size": 1}, "datastore": {"type": "MariaDB"}}
        case.body["instance"].pop("region_name", None)


@pytest.mark.usefixtures("version", "flavor", "sent")
@schema.parametrize()
@limits(max_examples=12, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_answers_are_as_documented(
    case: Any, project: Project, token: str, make_instance: Callable[..., Instance]
) -> None:
    aim(case, project, make_instance)
    answer = case.call(headers={"X-Auth-Token": token})
    assert answer.status_code != 500, answer.text
    case.validate_response(answer, checks=CHECKS)
