"""Lists of instances: filters, order, and pages that stay right."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from pytest_django import Settings

from datastores.models import Datastore, DatastoreVersion
from instances.models import Instance, InstanceState
from tests.unit.instances.api.conftest import Api, Projects

pytestmark = pytest.mark.django_db
START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def instances(projects: Projects, make_instance: Callable[..., Instance]) -> dict[str, Instance]:
    other = DatastoreVersion.objects.create(
        datastore=Datastore.objects.create(name="PostgreSQL"), name="15", version="15", engine="postgresql"
    )
    project = projects["alpha"].pk
    made = {
        "orders": make_instance(project_id=project, name="orders", tags=["blue", 'odd "quoted"']),
        "Orders-2": make_instance(project_id=project, name="Orders-2", tags=["Blue", "grün"]),
        "stock": make_instance(InstanceState.BUILDING, project_id=project, name="stock"),
    }
    Instance.objects.filter(pk=made["stock"].pk).update(datastore_version=other)
    made["stock"].refresh_from_db()
    for number, instance in enumerate(made.values()):
        moment = START + timedelta(days=number)
        Instance.objects.filter(pk=instance.pk).update(created_at=moment, updated_at=moment)
    return made


def names(api: Api, base: str, query: str) -> list[str]:
    answer = api().get(f"{base}/instances?{query}")
    assert answer.status_code == 200, answer.content
    detailed = api().get(f"{base}/instances/detail?{query}").json()["instances"]
    shown = [instance["name"] for instance in answer.json()["instances"]]
    assert shown == [instance["name"] for instance in detailed]
    return shown


@pytest.mark.usefixtures("instances")
@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["stock", "Orders-2", "orders"]),
        ("name=ORDERS", ["Orders-2", "orders"]),
        ("name=%25", []),
        ("status=ACTIVE", ["Orders-2", "orders"]),
        ("status=build", ["stock"]),
        ("status=SHUTDOWN", []),
        ("datastore=PostgreSQL", ["stock"]),
        ("datastore=nothing", []),
        ("tag=blue", ["orders"]),
        ("tag=Blue", ["Orders-2"]),
        ("tag=gr%C3%BCn", ["Orders-2"]),
        ("tag=odd%20%22quoted%22", ["orders"]),
        ("tag=quoted", []),
        ("tag=odd", []),
        ("changes-since=2026-01-02T00:00:00", ["stock", "Orders-2"]),
        ("changes-since=2026-01-02T01:00:00%2B01:00", ["stock", "Orders-2"]),
        ("changes-since=2026-01-03", ["stock"]),
        ("sort_key=created&sort_dir=asc", ["orders", "Orders-2", "stock"]),
        ("sort_key=updated", ["stock", "Orders-2", "orders"]),
        ("name=orders&tag=blue&status=ACTIVE", ["orders"]),
        ("include_clustered=False&name=", ["stock", "Orders-2", "orders"]),
    ],
)
def test_filters_and_order(api: Api, base: str, query: str, expected: list[str]) -> None:
    assert names(api, base, query) == expected


def test_datastore_by_id(api: Api, base: str, instances: dict[str, Instance]) -> None:
    datastore = instances["stock"].datastore_version.datastore_id
    assert names(api, base, f"datastore={datastore}") == ["stock"]


@pytest.mark.usefixtures("instances")
@pytest.mark.parametrize(
    "query",
    [
        "status=EXCELLENT",
        "sort_key=tags",
        "sort_dir=sideways",
        "changes-since=yesterday",
        "changes-since=2026-13-01",
        "changes-since=0001-01-01T00:00:00%2B14:00",
        "name=%00",
        "limit=many",
        "marker=nonsense",
    ],
)
def test_malformed_queries_are_400(api: Api, base: str, query: str) -> None:
    assert api().get(f"{base}/instances?{query}").status_code == 400


@pytest.mark.parametrize("query", ["", "sort_key=name", "sort_key=name&sort_dir=desc", "sort_dir=asc"])
def test_pages_hold_each_once_while_rows_go(
    api: Api, projects: Projects, make_instance: Callable[..., Instance], settings: Settings, query: str
) -> None:
    settings.INSTANCES_PAGE_SIZE = 2
    base = f"/v1.0/{projects['alpha'].pk}"
    for name in ("a", "b", "b", "b", "c", "d.e"):
        make_instance(project_id=projects["alpha"].pk, name=name)
    seen: list[str] = []
    url = f"{base}/instances?{query}"
    while url:
        body: dict[str, Any] = api().get(url).json()
        seen += [instance["id"] for instance in body["instances"]]
        # The last one shown goes: the next page must neither skip nor repeat any.
        Instance.objects.filter(pk=seen[-1]).update(deleted_at=START)
        parts = urlsplit(body["links"][0]["href"]) if "links" in body else None
        url = f"{parts.path}?{parts.query}" if parts else ""
    assert len(seen) == len(set(seen)) == 6
