from dataclasses import dataclass

import pytest
from pytest_django import Settings
from rest_framework.test import APIClient

from dbaas.accounts import attempts, services
from dbaas.accounts.models import Project, User
from guestagent.protocol.secret import Secret

PASSWORD = "correct horse battery"


@dataclass
class People:
    """One project of each kind of user, and a project that is not theirs."""

    project: Project
    other: Project
    admin: User
    member: User
    reader: User
    stranger: User


@pytest.fixture
def people(db: None) -> People:
    project, _ = services.project_ensure(name="alpha")
    other, _ = services.project_ensure(name="beta")
    users = {}
    for name, role, where in (
        ("ada", "admin", project),
        ("mel", "member", project),
        ("rea", "reader", project),
        ("sam", "member", other),
    ):
        users[role if where == project else "stranger"] = _user(name, role, where)
    return People(project, other, **users)


def _user(name: str, role: str, project: Project) -> User:
    user, _ = services.user_ensure(name=name, password=Secret(PASSWORD), project=project)
    services.role_ensure(user=user, project=project, role=role)
    return user


@pytest.fixture(autouse=True)
def no_redis(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unit tests do without Redis, and each counts failed logins from zero."""
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    monkeypatch.setattr(attempts, "_here", attempts._InProcess())


@pytest.fixture
def client() -> APIClient:
    return APIClient()
