"""Pages show each row once, while rows come and go."""

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory

from dbaas.common.errors import BadRequest
from dbaas.common.models import IdempotentRequest
from dbaas.common.pagination import Order, PageRequest, page_body, page_request, paginate

pytestmark = pytest.mark.django_db
START = datetime(2026, 1, 1, tzinfo=UTC)


def request_for(query: str) -> Request:
    return Request(APIRequestFactory().get(f"/v1.0/p/things?{query}"))


def add(count: int, *, same_time: bool = False) -> None:
    """Rows in the order of their creation, or all at one moment."""
    for number in range(count):
        row = IdempotentRequest.objects.create(
            project_id="p",
            key=f"{number}-{IdempotentRequest.objects.count()}",
            fingerprint="",
            expires_at=START,
        )
        moment = START if same_time else START + timedelta(seconds=row.pk)
        IdempotentRequest.objects.filter(pk=row.pk).update(created_at=moment)


def walk(limit: int, between: Any = lambda: None) -> list[int]:
    seen: list[int] = []
    marker = None
    while True:
        page = paginate(IdempotentRequest.objects.all(), PageRequest(limit, marker))
        seen += [row.pk for row in page.items]
        marker = page.next_marker
        if marker is None:
            return seen
        between()


@pytest.mark.parametrize("same_time", [False, True])
@pytest.mark.parametrize("limit", [1, 3, 7, 10])
def test_every_row_once_newest_first(same_time: bool, limit: int) -> None:
    add(7, same_time=same_time)
    expected = sorted(IdempotentRequest.objects.values_list("pk", flat=True), reverse=True)
    assert walk(limit) == expected


def test_page_continues_when_its_last_row_is_gone() -> None:
    add(5)
    ids = sorted(IdempotentRequest.objects.values_list("pk", flat=True), reverse=True)
    page = paginate(IdempotentRequest.objects.all(), PageRequest(2, None))
    page.items[-1].delete()
    add(1)
    rest = paginate(IdempotentRequest.objects.all(), PageRequest(9, page.next_marker))
    assert [row.pk for row in rest.items] == ids[2:]


def test_plain_id_is_a_marker_too() -> None:
    add(3)
    ids = sorted(IdempotentRequest.objects.values_list("pk", flat=True), reverse=True)
    page = paginate(IdempotentRequest.objects.all(), PageRequest(9, str(ids[0])))
    assert [row.pk for row in page.items] == ids[1:]


@pytest.mark.parametrize("marker", ["nonsense", "1.x", "99999999999999999999.1", "5.", ".5", "12345"])
def test_unknown_marker_is_refused(marker: str) -> None:
    with pytest.raises(BadRequest):
        paginate(IdempotentRequest.objects.all(), PageRequest(9, marker))


@pytest.mark.parametrize("limit", ["0", "-1", "x", "1.5", "٣", "99999999999"])
def test_malformed_limit_is_refused(limit: str) -> None:
    with pytest.raises(BadRequest):
        page_request(request_for(f"limit={limit}"), page_size=20)


def test_limit_is_capped() -> None:
    assert page_request(request_for("limit=500"), page_size=20).limit == 20
    assert page_request(request_for(""), page_size=20).limit == 20


@pytest.mark.parametrize("marker", ["app", "user@%", "user@10.0.%", "ü ß", "a&b=c#d", "100%"])
def test_marker_comes_back_from_the_client(marker: str) -> None:
    """Trove's client decodes the next link's marker once and sends it on as it is."""
    body = page_body(request_for("limit=1&deleted=False"), "users", [], marker)
    (link,) = body["links"]
    query = urlsplit(link["href"]).query
    decoded_once = parse_qs(query)["marker"][0]
    assert page_request(request_for(f"marker={decoded_once}"), page_size=9).marker == marker
    assert page_request(request_for(query), page_size=9).marker == marker
    assert parse_qs(query)["deleted"] == ["False"]


def test_last_page_has_no_links() -> None:
    assert page_body(request_for(""), "users", [], None) == {"users": []}


@pytest.mark.parametrize("is_descending", [False, True])
@pytest.mark.parametrize("limit", [1, 2, 9])
def test_sorted_by_a_text(limit: int, is_descending: bool) -> None:
    for project, count in (("b.c", 2), ("a", 3), ("ü ß", 1)):
        for _ in range(count):
            key = str(IdempotentRequest.objects.count())
            IdempotentRequest.objects.create(project_id=project, key=key, fingerprint="", expires_at=START)
    order, seen, marker = Order("project_id", is_descending=is_descending), [], None
    while True:
        page = paginate(IdempotentRequest.objects.all(), PageRequest(limit, marker), order=order)
        seen += [(row.project_id, row.pk) for row in page.items]
        marker = page.next_marker
        if marker is None:
            break
    assert len(seen) == 6
    assert seen == sorted(seen, reverse=is_descending)


def test_marker_of_another_order_is_refused() -> None:
    add(2)
    page = paginate(IdempotentRequest.objects.all(), PageRequest(1, None))
    with pytest.raises(BadRequest):
        paginate(IdempotentRequest.objects.all(), PageRequest(1, page.next_marker), order=Order("project_id"))


def test_larger_limits_where_allowed() -> None:
    assert page_request(request_for("limit=500"), page_size=20, largest=300).limit == 300
    assert page_request(request_for(""), page_size=20, largest=300).limit == 20
