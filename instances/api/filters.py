"""What the query of a list of instances asks for: filters and order (ours; Trove has none but the paging)."""

from datetime import UTC, datetime
from typing import Final

from django.conf import settings
from django.db.models import QuerySet
from django.utils.dateparse import parse_date, parse_datetime
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request

from dbaas.common.errors import BadRequest
from dbaas.common.pagination import NEWEST_FIRST, Order, ResultPage, page_request, paginate
from dbaas.common.schema import PAGING
from instances.models import Instance
from instances.selectors import InstanceFilter, instance_filtered
from instances.state import states_shown_as

SORT_FIELDS: Final = {"created": "created_at", "updated": "updated_at", "name": "name"}
_SORT_DIRECTIONS: Final = ("asc", "desc")
_MAX_TEXT: Final = 255
LIST_PARAMETERS: Final = [
    *PAGING,
    OpenApiParameter("name", str, description="A part of the name, in any case."),
    OpenApiParameter("status", str, description="As shown: ACTIVE, BUILD, ERROR, …"),
    OpenApiParameter("datastore", str, description="Name or id."),
    OpenApiParameter("tag", str, description="One that it has."),
    OpenApiParameter("changes-since", str, description="ISO 8601 time, UTC unless it says otherwise."),
    OpenApiParameter("sort_key", str, enum=list(SORT_FIELDS)),
    OpenApiParameter("sort_dir", str, enum=list(_SORT_DIRECTIONS), description="Names: asc; times: desc."),
    OpenApiParameter(
        "include_clustered", str, description="Taken for compatibility: no instance is part of a cluster."
    ),
]


def instance_page(
    instances: QuerySet[Instance], request: Request, *, largest: int | None = None
) -> ResultPage[Instance]:
    """The page that the query asks for. Raises BadRequest."""
    page = page_request(request, page_size=settings.INSTANCES_PAGE_SIZE, largest=largest)
    return paginate(instance_filtered(instances, _filter(request)), page, order=_order(request))


def _filter(request: Request) -> InstanceFilter:
    status = _text(request, "status")
    since = _text(request, "changes-since")
    states = states_shown_as(status) if status is not None else None
    if states is not None and not states:
        raise BadRequest("status: no instance is ever shown with this one.")
    return InstanceFilter(
        name=_text(request, "name"),
        states=states,
        datastore=_text(request, "datastore"),
        tag=_text(request, "tag"),
        changed_since=_moment(since) if since is not None else None,
    )


def _order(request: Request) -> Order:
    key, direction = _text(request, "sort_key"), _text(request, "sort_dir")
    if key is not None and key not in SORT_FIELDS:
        raise BadRequest(f"sort_key must be one of {', '.join(SORT_FIELDS)}.")
    if direction is not None and direction not in _SORT_DIRECTIONS:
        raise BadRequest("sort_dir must be asc or desc.")
    field = SORT_FIELDS[key] if key else NEWEST_FIRST.field
    return Order(field, is_descending=direction == "desc" if direction else field != "name")


def _text(request: Request, name: str) -> str | None:
    """None when it is not there, or empty."""
    value = request.query_params.get(name) or None
    if value is not None and (len(value) > _MAX_TEXT or "\0" in value):
        raise BadRequest(f"{name} is too long, or holds a character that nothing has.")
    return value


def _moment(text: str) -> datetime:
    try:
        found = parse_datetime(text.replace(" ", "+"))
        day = None if found else parse_date(text)
    except ValueError:
        found = day = None
    if day is not None:
        found = datetime(day.year, day.month, day.day)  # noqa: DTZ001 - gets its zone below
    if found is None:
        raise BadRequest("changes-since must be a time as 2026-01-31T12:00:00.")
    try:
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (OverflowError, ValueError):
        raise BadRequest("changes-since must be a time as 2026-01-31T12:00:00.") from None
