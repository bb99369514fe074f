"""Metering to the second."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from io import StringIO
from itertools import pairwise

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from rest_framework.test import APIClient

from dbaas.accounts.models import Project
from dbaas.events import usage
from dbaas.events.models import UsageInterval
from dbaas.events.usage import Size, usage_follow
from tests.unit.dbaas.events.conftest import PROJECT

pytestmark = pytest.mark.django_db
SMALL, LARGE, STOPPED = Size("1", 512, 1, 5), Size("2", 1024, 2, 5), Size("1", 0, 0, 5)
START = datetime(2026, 1, 1, tzinfo=UTC)
Clock = Callable[[float], None]


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Sets the clock to so many seconds after START."""

    def set_to(seconds: float) -> None:
        monkeypatch.setattr(timezone, "now", lambda: START + timedelta(seconds=seconds))

    return set_to


def follow(size: Size | None, resource: str = "i-1", project: str = PROJECT) -> None:
    usage_follow(project_id=project, resource_id=resource, size=size)


def test_sums_are_exact_across_resize_stop_and_delete(at: Clock) -> None:
    for seconds, size in (
        (10, SMALL),
        (70, SMALL),
        (100.25, LARGE),
        (200, STOPPED),
        (260, SMALL),
        (300, None),
    ):
        at(seconds)
        follow(size)
    at(10_000)
    [total] = usage.usage_of_projects(START, START + timedelta(days=1))
    assert total.time == timedelta(seconds=290)
    assert total.volume_gb == timedelta(seconds=290 * 5)
    assert total.ram_mb == timedelta(seconds=90.25 * 512 + 99.75 * 1024 + 40 * 512)
    assert total.vcpus == timedelta(seconds=90.25 + 99.75 * 2 + 40)
    assert UsageInterval.objects.count() == 4
    assert not UsageInterval.objects.exclude(open_key=None).exists()


def test_intervals_meet_without_gap_or_overlap(at: Clock) -> None:
    for seconds, size in ((0, SMALL), (1.000001, LARGE), (2, SMALL)):
        at(seconds)
        follow(size)
    ends = list(UsageInterval.objects.order_by("started_at").values_list("started_at", "ended_at"))
    assert [end for _, end in ends[:-1]] == [start for start, _ in ends[1:]]
    assert ends[-1][1] is None


def test_period_cuts_and_open_interval_counts_until_now(at: Clock) -> None:
    at(0)
    follow(SMALL)
    at(100)
    [part] = usage.usage_of_projects(START + timedelta(seconds=40), START + timedelta(seconds=60))
    assert part.time == timedelta(seconds=20)
    [whole] = usage.usage_of_projects(START, START + timedelta(days=30))
    assert whole.time == timedelta(seconds=100)
    assert usage.usage_of_projects(START - timedelta(days=1), START) == []


def test_parts_of_a_period_add_up_to_the_whole(at: Clock) -> None:
    for seconds, size in ((3, SMALL), (17, LARGE), (29, STOPPED), (41, None)):
        at(seconds)
        follow(size)
    at(60)
    edges = [START + timedelta(seconds=second) for second in (0, 7, 17, 20, 50)]
    parts = [usage.usage_of_projects(*pair) for pair in pairwise(edges)]
    [whole] = usage.usage_of_projects(edges[0], edges[-1])
    assert sum((part.ram_mb for rows in parts for part in rows), timedelta()) == whole.ram_mb


def test_clock_that_is_behind_makes_no_negative_time(at: Clock) -> None:
    at(100)
    follow(SMALL)
    at(90)
    follow(None)
    interval = UsageInterval.objects.get()
    assert interval.started_at == interval.ended_at


def test_what_is_not_there_cannot_end(at: Clock) -> None:
    at(0)
    follow(None)
    assert not UsageInterval.objects.exists()


def test_each_resource_of_a_project(at: Clock) -> None:
    at(0)
    follow(SMALL, "i-1")
    follow(LARGE, "i-2")
    follow(LARGE, "i-3", "2" * 32)
    at(10)
    rows = usage.usage_of_resources(START, START + timedelta(days=1), PROJECT)
    assert [(row.resource_id, row.ram_mb.total_seconds()) for row in rows] == [("i-1", 5120), ("i-2", 10240)]


@pytest.mark.parametrize("form", ["table", "csv", "json"])
def test_report_command(form: str, at: Clock) -> None:
    at(0)
    follow(SMALL)
    at(60)
    out = StringIO()
    call_command("usage_report", "--start", "2026-01-01", "--end", "2026-02-01", "--format", form, stdout=out)
    shown = out.getvalue()
    if form == "json":
        assert json.loads(shown)["usage"] == [
            {"project_id": PROJECT, "resource_id": None, "instances": 1, "instance_seconds": 60,
             "vcpu_seconds": 60, "ram_mb_seconds": 30720, "volume_gb_seconds": 300}
        ]  # fmt: skip
    else:
        line = next(line for line in shown.splitlines() if line.startswith(PROJECT))
        assert line.replace(",", " ").split() == [PROJECT, "1", "60", "60", "30720", "300"]


def test_report_command_refuses_nonsense() -> None:
    for arguments in (["--start", "yesterday"], ["--start", "2026-01-02", "--end", "2026-01-01"]):
        with pytest.raises(CommandError):
            call_command("usage_report", *arguments)


def test_usage_over_http(api: Callable[..., APIClient], base: str, projects: dict[str, Project]) -> None:
    follow(SMALL, "i-1", str(projects["beta"].pk))
    UsageInterval.objects.update(started_at=timezone.now() - timedelta(seconds=60))
    start = (timezone.now() - timedelta(days=1)).isoformat()
    operator = api("admin")
    answer = operator.get(f"{base}/mgmt/usage", {"start": start})
    assert answer.status_code == 200
    [row] = answer.json()["usage"]
    assert row["project_id"] == str(projects["beta"].pk)
    assert row["instance_seconds"] >= 60
    answer = operator.get(f"{base}/mgmt/usage", {"start": start, "project_id": row["project_id"]})
    assert [row["resource_id"] for row in answer.json()["usage"]] == ["i-1"]
    assert operator.get(f"{base}/mgmt/usage", {"start": "x"}).status_code == 400
    assert operator.get(f"{base}/mgmt/usage", {"start": "2020-01-01"}).status_code == 400
    assert api("member").get(f"{base}/mgmt/usage").status_code == 403
