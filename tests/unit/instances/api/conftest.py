"""Clients with real tokens, and a guest that answers from a script."""

from collections.abc import Callable
from typing import Any

import pytest
from pytest_django import Settings
from rest_framework.test import APIClient

from dbaas.accounts import tokens
from dbaas.accounts.models import Project, RoleAssignment, User
from guestagent.protocol.commands import Command
from guestagent.protocol.types import DatastoreStatus
from instances.guest import GuestClient
from instances.models import Instance, InstanceState

#: ``api("member")`` is a client of the first project; ``api("member", "beta")`` of another.
Api = Callable[..., APIClient]
Projects = dict[str, Project]


@pytest.fixture(autouse=True)
def no_rate_limits(settings: Settings) -> None:
    for verb in ("GET", "POST", "PUT", "DELETE"):
        setattr(settings, f"HTTP_{verb}_RATE", 0)


@pytest.fixture
def projects(db: None) -> Projects:
    return {name: Project.objects.create(name=name) for name in ("alpha", "beta")}


@pytest.fixture
def api(projects: Projects) -> Api:
    def client(role: str = "member", project: str = "alpha") -> APIClient:
        user, _ = User.objects.get_or_create(name=f"{role}-of-{project}")
        RoleAssignment.objects.get_or_create(user=user, project=projects[project], role=role)
        token, _ = tokens.issue(user=user, project=projects[project], methods=["password"])
        return APIClient(headers={"X-Auth-Token": token.reveal()}, raise_request_exception=False)

    return client


@pytest.fixture
def base(projects: Projects) -> str:
    return f"/v1.0/{projects['alpha'].pk}"


@pytest.fixture
def instance(projects: Projects, make_instance: Callable[..., Instance]) -> Instance:
    return make_instance(project_id=projects["alpha"].pk)


@pytest.fixture
def building(projects: Projects, make_instance: Callable[..., Instance]) -> Instance:
    return make_instance(
        InstanceState.BUILDING, DatastoreStatus.NEW, project_id=projects["alpha"].pk, name="new"
    )


class ScriptedGuest:
    """Answers by command; what was asked is kept."""

    def __init__(self) -> None:
        self.asked: list[Command] = []
        self.answers: dict[type[Command], Any] = {}

    def ask(self, command: Command) -> Any:
        self.asked.append(command)
        answer = self.answers.get(type(command), {})
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def guest(monkeypatch: pytest.MonkeyPatch) -> ScriptedGuest:
    scripted = ScriptedGuest()
    monkeypatch.setattr(GuestClient, "ask", lambda self, command, *, timeout_seconds: scripted.ask(command))
    return scripted
