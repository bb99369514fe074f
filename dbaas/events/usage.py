"""Metering: how long a resource was there, and how large it was."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby
from typing import Final

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from dbaas.events.models import UsageInterval

_ZERO: Final = timedelta()


@dataclass(frozen=True, slots=True)
class Size:
    """What a resource uses. A stopped instance has its volume, and neither memory nor processors."""

    flavor_id: str
    ram_mb: int
    vcpus: int
    volume_gb: int


@dataclass(slots=True)
class Usage:
    """Sums over time, exact to the microsecond; shown as whole seconds."""

    project_id: str
    resource_id: str = ""
    resources: set[str] = field(default_factory=set)
    time: timedelta = _ZERO
    ram_mb: timedelta = _ZERO
    vcpus: timedelta = _ZERO
    volume_gb: timedelta = _ZERO

    def add(self, interval: UsageInterval, time: timedelta) -> None:
        self.resources.add(interval.resource_id)
        self.time += time
        self.ram_mb += interval.ram_mb * time
        self.vcpus += interval.vcpus * time
        self.volume_gb += interval.volume_gb * time


def usage_follow(*, project_id: str, resource_id: object, size: Size | None) -> None:
    """From this moment on the resource has this size, or (None) is not metered; in the caller's transaction.

    The same size again changes nothing, so it may be called after any change. The caller holds the lock of
    the resource's row.
    """
    key = str(resource_id)
    with transaction.atomic():
        current = UsageInterval.objects.filter(open_key=key).first()
        if current is not None:
            if size == Size(current.flavor_id, current.ram_mb, current.vcpus, current.volume_gb):
                return
            now = max(timezone.now(), current.started_at)  # clocks of two hosts may differ
            UsageInterval.objects.filter(pk=current.pk).update(ended_at=now, open_key=None)
        else:
            now = timezone.now()
        if size is not None:
            UsageInterval.objects.create(
                project_id=project_id,
                resource_id=key,
                flavor_id=size.flavor_id,
                ram_mb=size.ram_mb,
                vcpus=size.vcpus,
                volume_gb=size.volume_gb,
                started_at=now,
                open_key=key,
            )


def usage_of_projects(start: datetime, end: datetime) -> list[Usage]:
    """What each project used from `start` until before `end` (or now), by project id."""
    return list(_sums(_during(start, end).order_by("project_id").iterator(), start, end, by="project_id"))


def usage_of_resources(start: datetime, end: datetime, project_id: str) -> list[Usage]:
    """The same for each resource of a project, by resource id."""
    intervals = _during(start, end).filter(project_id=project_id).order_by("resource_id")
    return list(_sums(intervals.iterator(), start, end, by="resource_id"))


def _during(start: datetime, end: datetime) -> "QuerySet[UsageInterval]":
    return UsageInterval.objects.filter(Q(ended_at=None) | Q(ended_at__gt=start), started_at__lt=end)


def _sums(intervals: Iterable[UsageInterval], start: datetime, end: datetime, *, by: str) -> Iterator[Usage]:
    end = min(end, timezone.now())
    for key, group in groupby(intervals, lambda interval: str(getattr(interval, by))):
        usage: Usage | None = None
        for interval in group:
            usage = usage or Usage(interval.project_id, key if by == "resource_id" else "")
            until = min(interval.ended_at or end, end)
            usage.add(interval, max(_ZERO, until - max(interval.started_at, start)))
        if usage is not None:
            yield usage
