"""Pages by `limit` and `marker` that stay right while rows come and go.

A page of rows is ordered by newest first and continues after a *position*, not after a row: the marker is
``<microseconds since 1970>.<id>``, so it works when its row is gone. A plain id is taken too, because that
is what people type. Names (databases, users) are paged by the guest, in name order, marker = name.

Trove's clients decode the marker of a next link once and send it on raw, so a marker is quoted before it is
encoded into the link, and unquoted after it was decoded.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, TypeVar, cast
from urllib.parse import quote, unquote

from django.core.exceptions import ValidationError
from django.db.models import Field, Model, Q, QuerySet
from rest_framework.request import Request

from dbaas.common.errors import BadRequest
from dbaas.common.links import next_links

T = TypeVar("T")
M = TypeVar("M", bound=Model)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MAX_MARKER = 1024


@dataclass(frozen=True, slots=True)
class PageRequest:
    """What a client asked for: `limit` is within 1..page size; `marker` is decoded."""

    limit: int
    marker: str | None


@dataclass(frozen=True, slots=True)
class ResultPage(Generic[T]):
    items: Sequence[T]
    next_marker: str | None


def page_request(request: Request, *, page_size: int) -> PageRequest:
    """Read `limit` and `marker`; a larger limit is capped. Raises BadRequest."""
    raw = request.query_params.get("limit")
    limit = page_size
    if raw not in (None, ""):
        if not (raw.isascii() and raw.isdigit() and len(raw) <= 9) or int(raw) < 1:
            raise BadRequest("The limit must be a whole number of at least 1.")
        limit = min(int(raw), page_size)
    marker = request.query_params.get("marker") or None
    if marker is not None and len(marker) > _MAX_MARKER:
        raise BadRequest("The marker is too long.")
    return PageRequest(limit, unquote(marker) if marker else None)


def paginate(
    queryset: "QuerySet[M]", page: PageRequest, *, created_field: str = "created_at", id_field: str = "id"
) -> ResultPage[M]:
    """One page of rows, newest first. Raises BadRequest for a marker that is neither a position nor a row."""
    ordered = queryset.order_by(f"-{created_field}", f"-{id_field}")
    if page.marker is not None:
        moment, key = _position(queryset, page.marker, created_field, id_field)
        ordered = ordered.filter(
            Q(**{f"{created_field}__lt": moment}) | Q(**{created_field: moment, f"{id_field}__lt": key})
        )
    rows = list(ordered[: page.limit + 1])
    items = rows[: page.limit]
    if len(rows) <= page.limit:
        return ResultPage(items, None)
    last = items[-1]
    microseconds = (getattr(last, created_field) - _EPOCH) // timedelta(microseconds=1)
    return ResultPage(items, f"{microseconds}.{getattr(last, id_field)}")


def _position(
    queryset: "QuerySet[M]", marker: str, created_field: str, id_field: str
) -> tuple[datetime, Any]:
    digits, _, key = marker.partition(".")
    field = cast("Field[Any, Any]", queryset.model._meta.get_field(id_field))
    try:
        if key and digits.isascii() and digits.isdigit() and len(digits) < 18:
            return _EPOCH + timedelta(microseconds=int(digits)), field.to_python(key)
        row = (
            queryset.filter(**{id_field: field.to_python(marker)})
            .values_list(created_field, id_field)
            .first()
        )
    except (ValidationError, ValueError, OverflowError):
        row = None
    if row is None:
        raise BadRequest("The marker was not found.")
    return row[0], row[1]


def page_body(request: Request, name: str, items: Sequence[Any], next_marker: str | None) -> dict[str, Any]:
    """The list envelope; ``links`` is there only when a next page is."""
    body: dict[str, Any] = {name: list(items)}
    if next_marker is not None:
        query: dict[str, Any] = {key: request.query_params.getlist(key) for key in request.query_params}
        query["marker"] = quote(next_marker, safe="")
        body["links"] = next_links(request, query)
    return body
