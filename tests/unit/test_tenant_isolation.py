"""No route lets one project see or change what is another's.

The routes come from the URL map, so a new one is tested by being there; one whose path has a parameter that
is not known here fails the test until somebody says what belongs in it.
"""

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import URLPattern, URLResolver, get_resolver
from pytest_django import Settings
from rest_framework.test import APIClient

from datastores.models import ConfigurationGroup, DatastoreVersion
from dbaas.accounts import tokens
from dbaas.accounts.models import Project, RoleAssignment, User
from dbaas.events.models import Webhook
from dbaas.events.services import event_record
from dbaas.taskmanager.services import operation_start
from guestagent.protocol.secret import Secret
from instances.models import Instance
from tests.unit.instances.conftest import *  # noqa: F403 - its fixtures: an instance and what it is made of

pytestmark = pytest.mark.django_db

METHODS = ("get", "post", "put", "patch", "delete")
#: Routes whose answers are the same for everybody: what there is to choose from, and one's own limits.
NOWHERE = "5a1a557c-2adc-43aa-ad94-f4b643d7dba8"
CATALOGUE = ("datastores", "flavors", "volume-types", "limits", "projects")
#: What a path names by its id: somebody else's does not exist.
THINGS = ("instance", "operation", "cluster", "backup", "module", "configuration", "webhook", "event")
#: Routes of operators, who see everything; nobody else does.
MANAGEMENT = "v1.0/<str:project_id>/mgmt/"


@dataclass(frozen=True)
class Route:
    path: str
    view: Any

    @property
    def methods(self) -> list[str]:
        return [
            method
            for method in METHODS
            if hasattr(self.view, method) and method in self.view.http_method_names
        ]


def project_routes() -> Iterator[Route]:
    yield from (
        route for route in _walk(get_resolver(), "") if route.path.startswith("v1.0/<str:project_id>/")
    )


def _walk(resolver: URLResolver, prefix: str) -> Iterator[Route]:
    for entry in resolver.url_patterns:
        path = prefix + str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from _walk(entry, path)
        elif isinstance(entry, URLPattern):
            yield Route(path, getattr(entry.callback, "view_class", entry.callback))


ROUTES = [(route, method) for route in project_routes() for method in route.methods]
TENANT_ROUTES = [entry for entry in ROUTES if not entry[0].path.startswith(MANAGEMENT)]
MANAGEMENT_ROUTES = [entry for entry in ROUTES if entry[0].path.startswith(MANAGEMENT)]


@dataclass(frozen=True)
class Tenants:
    alice: Project
    bob: Project
    bob_client: APIClient
    member_client: APIClient
    instance: Instance
    parameters: dict[str, str]


@pytest.fixture
def tenants(
    make_instance: Callable[..., Instance], version: DatastoreVersion, settings: Settings, sent: object
) -> Tenants:
    for verb in ("GET", "POST", "PUT", "DELETE"):
        setattr(settings, f"HTTP_{verb}_RATE", 0)
    alice, bob = Project.objects.create(name="alice"), Project.objects.create(name="bob")
    user = User.objects.create(name="bob")
    for role in ("member", "admin"):  # not even an administrator of his own project
        RoleAssignment.objects.create(user=user, project=bob, role=role)
    token, _ = tokens.issue(user=user, project=bob, methods=["password"])
    member = User.objects.create(name="member-of-bob")
    RoleAssignment.objects.create(user=member, project=bob, role="member")
    member_token, _ = tokens.issue(user=member, project=bob, methods=["password"])
    instance = make_instance(project_id=alice.pk, name="alices-orders", tags=["alices-tag"])
    operation = operation_start(
        kind="instances.restart_instance", project_id=alice.pk, lane=instance.lane, deadline_seconds=60,
        resource_id=str(instance.pk),
    )  # fmt: skip
    group = ConfigurationGroup.objects.create(
        project_id=alice.pk, name="alices-orders", datastore_version=version
    )
    event = event_record(
        project_id=alice.pk, type="instances.updated", resource_type="instance", resource_id=instance.pk,
        after={"name": "alices-orders"},
    )  # fmt: skip
    webhook = Webhook.objects.create(project_id=alice.pk, url="https://alices-orders.example/")
    parameters = {
        "instance_id": str(instance.pk), "operation_id": str(operation.pk), "database": "orders",
        "user": "joe", "datastore": str(version.datastore_id), "version": str(version.pk), "flavor": "1",
        "volume_type": "x", "parameter": "x", "key": alice.name, "target_project": alice.pk,
        "cluster_id": NOWHERE, "backup_id": NOWHERE, "member_id": NOWHERE, "module_id": NOWHERE,
        "configuration_id": str(group.pk), "webhook_id": str(webhook.pk), "event_id": str(event.pk),
    }  # fmt: skip
    return Tenants(alice, bob, client_of(token), client_of(member_token), instance, parameters)


def client_of(token: Secret) -> APIClient:
    return APIClient(headers={"X-Auth-Token": token.reveal()}, raise_request_exception=False)


def fill(path: str, project_id: str, parameters: dict[str, str]) -> str:
    url = path.replace("<str:project_id>", project_id)
    for name, value in parameters.items():
        for kind in ("str", "path", "uuid", "int"):
            url = url.replace(f"<{kind}:{name}>", value)
    assert "<" not in url, f"say in this test what belongs into {url}"
    return "/" + url


def everything_of(instance: Instance) -> dict[str, Any]:
    return dict(Instance.objects.values().get(pk=instance.pk))


@pytest.mark.parametrize(("route", "method"), ROUTES, ids=lambda value: getattr(value, "path", value))
def test_path_of_another_project_is_refused_before_anything_is_read(
    route: Route, method: str, tenants: Tenants
) -> None:
    before = everything_of(tenants.instance)
    url = fill(route.path, tenants.alice.pk, tenants.parameters)
    with CaptureQueriesContext(connection) as queries:
        answer = getattr(tenants.bob_client, method)(url, {}, format="json")
    assert answer.status_code == 403, answer.content
    assert "alices" not in answer.content.decode()
    assert not [query for query in queries.captured_queries if '"instances"' in query["sql"]]
    assert everything_of(tenants.instance) == before


@pytest.mark.parametrize(
    ("route", "method"), MANAGEMENT_ROUTES, ids=lambda value: getattr(value, "path", value)
)
def test_management_is_for_operators(route: Route, method: str, tenants: Tenants) -> None:
    before = everything_of(tenants.instance)
    url = fill(route.path, tenants.bob.pk, tenants.parameters)
    answer = getattr(tenants.member_client, method)(url, {}, format="json")
    assert answer.status_code == 403, answer.content
    assert "alices" not in answer.content.decode()
    assert everything_of(tenants.instance) == before


@pytest.mark.parametrize(("route", "method"), TENANT_ROUTES, ids=lambda value: getattr(value, "path", value))
def test_things_of_another_project_do_not_exist_in_mine(route: Route, method: str, tenants: Tenants) -> None:
    before = everything_of(tenants.instance)
    url = fill(route.path, tenants.bob.pk, tenants.parameters)
    answer = getattr(tenants.bob_client, method)(url, BODIES.get((route.path, method), {}), format="json")
    text = answer.content.decode()
    assert answer.status_code < 500, text
    assert "alices-orders" not in text
    assert "alices-tag" not in text
    if any(f"<str:{thing}_id>" in route.path for thing in THINGS):
        assert answer.status_code == 404, text
    elif not any(f"/{name}" in route.path for name in CATALOGUE):
        assert answer.status_code in {200, 202, 400}, text
    assert everything_of(tenants.instance) == before


_INSTANCE = "v1.0/<str:project_id>/instances/<str:instance_id>"
#: Bodies that are valid, where an empty one would be refused before the instance is looked for.
BODIES: dict[tuple[str, str], dict[str, Any]] = {
    ("v1.0/<str:project_id>/webhooks/<str:webhook_id>", "patch"): {"webhook": {"description": "stolen"}},
    (_INSTANCE, "put"): {"instance": {"name": "stolen"}},
    (_INSTANCE, "patch"): {"instance": {"name": "stolen"}},
    (f"{_INSTANCE}/action", "post"): {"restart": {}},
    (f"{_INSTANCE}/databases", "post"): {"databases": [{"name": "d"}]},
    (f"{_INSTANCE}/users", "post"): {"users": [{"name": "u", "password": "p"}]},
    (f"{_INSTANCE}/users", "put"): {"users": [{"name": "u", "password": "p"}]},
    (f"{_INSTANCE}/users/<path:user>", "put"): {"user": {"password": "p"}},
    (f"{_INSTANCE}/users/<path:user>/databases", "put"): {"databases": [{"name": "d"}]},
    (f"{_INSTANCE}/log", "post"): {"name": "general"},
    (f"{_INSTANCE}/ssl", "post"): {"ssl": {"disable": True}},
    (f"{_INSTANCE}/modules", "post"): {"modules": [{"id": str(uuid.uuid4())}]},
}


def test_there_are_routes() -> None:
    assert len(ROUTES) > 40
    assert {"instances", "operations"} <= {route.path.split("/")[2] for route, _ in ROUTES}


def test_no_token_is_401_everywhere(tenants: Tenants) -> None:
    for route, method in ROUTES:
        url = fill(route.path, tenants.alice.pk, tenants.parameters)
        assert getattr(APIClient(), method)(url, {}, format="json").status_code == 401, (method, url)
