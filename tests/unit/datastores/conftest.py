from collections.abc import Callable

import pytest
from rest_framework.test import APIClient

from dbaas.accounts import tokens
from dbaas.accounts.models import Project, Role, RoleAssignment, User

Api = Callable[[str], APIClient]


@pytest.fixture
def project(db: None) -> Project:
    return Project.objects.create(name="alpha")


@pytest.fixture
def api(project: Project) -> Api:
    """A client for the project, with a real token of a user in the given role."""

    def client(role: str = Role.READER) -> APIClient:
        user = User.objects.create(name=f"{role}-of-alpha")
        RoleAssignment.objects.create(user=user, project=project, role=role)
        token, _ = tokens.issue(user=user, project=project, methods=["password"])
        return APIClient(headers={"X-Auth-Token": token.reveal()})

    return client
