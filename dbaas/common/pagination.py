"""Pages by `limit` and `marker` that stay right while rows come and go.

A page of rows is ordered by newest first (or as `Order` says) and continues after a *position*, not after a
row: the marker is ``<microseconds since 1970>.<id>`` (of a text: ``t<base64 of it>.<id>``), so it works when
its row is gone. A plain id is taken too, because that is what people type. Names (databases, users) are paged
by the guest, in name order, marker = name.

Trove's clients decode the marker of a next link once and send it on raw, so a marker is quoted before it is
encoded into the link, and unquoted after it was decoded.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, TypeVar, cast
from urllib.parse import quote, unquote

from django.core.exceptions import ValidationError
from django.db.models import DateTimeField, Field, Model, Q, QuerySet
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


@dataclass(frozen=True, slots=True)
class Order:
    """What rows are sorted by: a column with a moment or a text that is never null, and then the id."""

    field: str = "created_at"
    is_descending: bool = True


NEWEST_FIRST = Order()


def page_request(request: Request, *, page_size: int, largest: int | None = None) -> PageRequest:
    """Read `limit` and `marker`; a limit above `largest` (or the page size) is capped. Raises BadRequest."""
    raw = request.query_params.get("limit")
    limit = page_size
    if raw not in (None, ""):
        if not (raw.isascii() and raw.isdigit() and len(raw) <= 9) or int(raw) < 1:
            raise BadRequest("The limit must be a whole number of at least 1.")
        limit = min(int(raw), largest or page_size)
    marker = request.query_params.get("marker") or None
    if marker is not None and len(marker) > _MAX_MARKER:
        raise BadRequest("The marker is too long.")
    return PageRequest(limit, unquote(marker) if marker else None)


def paginate(
    queryset: "QuerySet[M]", page: PageRequest, *, order: Order = NEWEST_FIRST, id_field: str = "id"
) -> ResultPage[M]:
    """One page of rows. Raises BadRequest for a marker that is neither a position nor a row."""
    sign, beyond = ("-", "lt") if order.is_descending else ("", "gt")
    ordered = queryset.order_by(f"{sign}{order.field}", f"{sign}{id_field}")
    if page.marker is not None:
        value, key = _position(queryset, page.marker, order.field, id_field)
        ordered = ordered.filter(
            Q(**{f"{order.field}__{beyond}": value}) | Q(**{order.field: value, f"{id_field}__{beyond}": key})
        )
    rows = list(ordered[: page.limit + 1])
    items = rows[: page.limit]
    if len(rows) <= page.limit:
        return ResultPage(items, None)
    last = items[-1]
    return ResultPage(items, f"{_encoded(getattr(last, order.field))}.{getattr(last, id_field)}")


def _encoded(value: Any) -> str:
    if isinstance(value, datetime):
        return str((value - _EPOCH) // timedelta(microseconds=1))
    return "t" + urlsafe_b64encode(str(value).encode()).decode().rstrip("=")


def _decoded(text: str) -> datetime | str:
    """Raises ValueError."""
    if text.startswith("t"):
        raw = text[1:]
        return urlsafe_b64decode(raw + "=" * (-len(raw) % 4)).decode().replace("\0", "")
    if not (text.isascii() and text.isdigit() and len(text) < 18):
        raise ValueError("neither a moment nor a text")
    return _EPOCH + timedelta(microseconds=int(text))


def _position(queryset: "QuerySet[M]", marker: str, order_field: str, id_field: str) -> tuple[Any, Any]:
    value, _, key = marker.partition(".")
    meta = queryset.model._meta
    field = cast("Field[Any, Any]", meta.get_field(id_field))
    try:
        if key:
            sorts_by_moment = isinstance(meta.get_field(order_field), DateTimeField)
            found = _decoded(value)
            if isinstance(found, datetime) is not sorts_by_moment:
                raise BadRequest("The marker belongs to a list in another order.")
            return found, field.to_python(key)
        row = (
            queryset.filter(**{id_field: field.to_python(marker)}).values_list(order_field, id_field).first()
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
