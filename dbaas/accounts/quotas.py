"""Quotas without races.

A reservation is one conditional UPDATE per resource (`in_use + reserved + delta <= limit`) whose row count is
the answer, so no two callers can both take the last place, on any database. What each holder has is kept in
QuotaHold rows: giving back is exact, and asking twice changes nothing.

Everything here may run inside a caller's transaction and then stands or falls with it. Rows are always
locked in the same order (a holder's own, then the project's counter; resources by name), so that calls do
not deadlock each other; should the database see one all the same, a call that owns its transaction tries
again.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import wraps
from typing import Any, ClassVar, ParamSpec, TypeVar

from django.conf import settings
from django.db import OperationalError, connection, transaction
from django.db.models import Case, F, Value, When
from django.utils import timezone

from dbaas.accounts.models import QuotaHold, QuotaLimit, QuotaUsage
from dbaas.accounts.models.quotas import Resource
from dbaas.common.errors import BadRequest, Conflict, NotFound, OverLimit

UNLIMITED = -1
_ATTEMPTS = 5
P = ParamSpec("P")
T = TypeVar("T")


class QuotaExceeded(OverLimit):
    """`extra["resources"]` lists what there is not enough of."""

    code: ClassVar[str] = "quota_exceeded"


@dataclass(frozen=True, slots=True)
class QuotaLine:
    """One resource of one project. `limit` -1 is unlimited."""

    resource: str
    in_use: int
    reserved: int
    limit: int


def _transactional(function: Callable[P, T]) -> Callable[P, T]:
    """One transaction (or a savepoint of the caller's); an outermost one is tried again after a deadlock."""

    @wraps(function)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> T:
        attempts = 1 if connection.in_atomic_block else _ATTEMPTS
        while True:
            attempts -= 1
            try:
                with transaction.atomic():
                    return function(*args, **kwargs)
            except OperationalError as error:
                if attempts <= 0 or not _is_deadlock(error):
                    raise

    return wrapper


def _is_deadlock(error: OperationalError) -> bool:
    """MariaDB's 1213 and PostgreSQL's 40P01: the server rolled the whole transaction back."""
    code = getattr(error.__cause__, "sqlstate", None)
    return code == "40P01" or error.args[:1] == (1213,)


@_transactional
def reserve(*, project_id: str, holder: str, deltas: Mapping[str, int]) -> None:
    """Set room aside for a change of `holder` (an instance's or an operation's id) until commit or release.

    A positive delta is growth and must fit the limit; a negative one always may, and gives room back at
    commit. Asking again for the same change is harmless. Raises QuotaExceeded naming every resource that
    does not fit (nothing is reserved then), Conflict when the holder has another change under way,
    NotFound for a resource that does not exist.
    """
    _check_resources(deltas)
    limits = _limits(project_id)
    exceeded = []
    for resource, delta in sorted(deltas.items()):
        if delta == 0 or not _take_hold(holder, project_id, resource, delta):
            continue
        if delta > 0 and not _take_room(project_id, resource, delta, limits[resource]):
            exceeded.append(resource)
    if exceeded:
        raise QuotaExceeded(f"Quota exceeded for resources: {exceeded}.", resources=exceeded)


def _take_hold(holder: str, project_id: str, resource: str, delta: int) -> bool:
    """Note the change in the holder's row. False when the same one is noted already."""
    hold, _ = QuotaHold.objects.select_for_update().get_or_create(
        holder=holder, resource=resource, defaults={"project_id": project_id}
    )
    if hold.project_id != project_id or hold.reserved not in {0, delta}:
        raise Conflict(f"Another change of {resource} is already reserved for {holder}.")
    if hold.reserved == delta:
        return False
    QuotaHold.objects.filter(pk=hold.pk).update(reserved=delta, changed_at=timezone.now())
    return True


def _take_room(project_id: str, resource: str, delta: int, limit: int) -> bool:
    """Add to the counter if it fits. Whether it did is the UPDATE's row count."""
    usage = QuotaUsage.objects.filter(project_id=project_id, resource=resource)
    room = usage if limit == UNLIMITED else usage.filter(in_use__lte=Value(limit - delta) - F("reserved"))
    grown = {"reserved": F("reserved") + delta}
    if room.update(**grown):
        return True
    if usage.exists():
        return False
    _create_counter(project_id, resource)
    return bool(room.update(**grown))


def _create_counter(project_id: str, resource: str) -> None:
    """Insert the first row, or take the lock of one that somebody else just inserted.

    An upsert and not an INSERT IGNORE: MariaDB's takes shared locks, and two holders of such deadlock.
    """
    targeted = connection.features.supports_update_conflicts_with_target
    QuotaUsage.objects.bulk_create(
        [QuotaUsage(project_id=project_id, resource=resource)],
        update_conflicts=True,
        update_fields=["project_id"],
        unique_fields=["project_id", "resource"] if targeted else None,
    )


@_transactional
def commit(*, holder: str, into: str | None = None) -> None:
    """The change was made: what `holder` reserved is in use from now on. Twice is harmless.

    With `into` it becomes that holder's, as when an operation that resized an instance hands the growth to
    the instance.
    """
    for hold in _lock_holds(holder, into):
        if hold.holder != holder or (hold.reserved == 0 and into in {None, holder}):
            continue
        _add_to_counter(hold, in_use=hold.reserved, reserved=-max(hold.reserved, 0))
        _settle(hold, into or holder)


def _settle(hold: QuotaHold, owner: str) -> None:
    """Book a committed change with its owner."""
    total = hold.committed + hold.reserved
    if owner == hold.holder:
        QuotaHold.objects.filter(pk=hold.pk).update(committed=total, reserved=0, changed_at=timezone.now())
        return
    QuotaHold.objects.filter(pk=hold.pk).delete()
    heir, _ = QuotaHold.objects.select_for_update().get_or_create(
        holder=owner, resource=hold.resource, defaults={"project_id": hold.project_id}
    )
    QuotaHold.objects.filter(pk=heir.pk).update(committed=F("committed") + total, changed_at=timezone.now())


@_transactional
def release(*, holder: str) -> None:
    """Give back everything `holder` has, reserved or in use. Twice is harmless."""
    for hold in _lock_holds(holder):
        _add_to_counter(hold, in_use=-hold.committed, reserved=-max(hold.reserved, 0))
        QuotaHold.objects.filter(pk=hold.pk).delete()


@_transactional
def cancel(*, holder: str) -> None:
    """The change failed: give back what `holder` has reserved, keep what is in use. Twice is harmless."""
    for hold in _lock_holds(holder):
        _add_to_counter(hold, in_use=0, reserved=-max(hold.reserved, 0))
        QuotaHold.objects.filter(pk=hold.pk).update(reserved=0, changed_at=timezone.now())


def _lock_holds(*holders: str | None) -> list[QuotaHold]:
    names = [name for name in holders if name]
    rows = QuotaHold.objects.select_for_update().filter(holder__in=names)
    return list(rows.order_by("resource", "holder"))


def _add_to_counter(hold: QuotaHold, *, in_use: int, reserved: int) -> None:
    """Change the project's counter; never below zero, whatever happened to the rows."""

    def floored(field: str, change: int) -> Case:
        return Case(When(**{f"{field}__gte": -change}, then=F(field) + change), default=Value(0))

    QuotaUsage.objects.filter(project_id=hold.project_id, resource=hold.resource).update(
        in_use=floored("in_use", in_use), reserved=floored("reserved", reserved)
    )


def sweep(*, older_than: timedelta, is_alive: Callable[[str], bool]) -> int:
    """Release what belongs to holders that are gone. Returns how many were.

    Only rows untouched for `older_than` are looked at, so that a holder that is just being made is safe;
    `is_alive` is asked about each holder, since only the apps above know instances and backups.
    """
    stale = QuotaHold.objects.filter(changed_at__lt=timezone.now() - older_than)
    gone = [h for h in sorted(set(stale.values_list("holder", flat=True))) if not is_alive(h)]
    for holder in gone:
        release(holder=holder)
    return len(gone)


def usage(project_id: str) -> list[QuotaLine]:
    """Every resource's use and limit, in Trove's order."""
    limits = _limits(project_id)
    rows = {row.resource: row for row in QuotaUsage.objects.filter(project_id=project_id)}
    nothing = QuotaUsage()
    return [
        QuotaLine(name, (row := rows.get(name, nothing)).in_use, row.reserved, limits[name])
        for name in Resource.values
    ]


@_transactional
def set_limits(project_id: str, limits: Mapping[str, int]) -> dict[str, int]:
    """Set some of a project's limits; the others stay. Returns what was set.

    A limit below the use takes nothing away, it only stops growth. Raises NotFound for an unknown resource,
    BadRequest for a limit below -1.
    """
    _check_resources(limits)
    for resource, limit in sorted(limits.items()):
        if limit < UNLIMITED:
            raise BadRequest(f"The quota of {resource} must be -1 (unlimited) or more.")
        QuotaLimit.objects.update_or_create(
            project_id=project_id, resource=resource, defaults={"limit": limit}
        )
    return dict(limits)


def _limits(project_id: str) -> dict[str, int]:
    own = QuotaLimit.objects.filter(project_id=project_id).values_list("resource", "limit")
    return default_limits() | dict(own)


def default_limits() -> dict[str, int]:
    """What a project gets that has no limits of its own."""
    return {name: getattr(settings, f"MAX_{name.upper()}_PER_TENANT") for name in Resource.values}


def _check_resources(resources: Collection[str] | Mapping[str, Any]) -> None:
    for name in resources:
        if name not in Resource.values:
            raise NotFound(f"Quota resource {name} does not exist.")
