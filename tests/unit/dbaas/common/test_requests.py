"""What comes in malformed or where it shouldn't is refused in the API's shape."""

import json
import re
from typing import Any

import pytest
from pytest_django import Settings

from tests.unit.dbaas.common.conftest import Send

pytestmark = pytest.mark.django_db


def fault_of(answer: Any) -> tuple[int, str, str]:
    assert answer["Content-Type"] == "application/json"
    ((name, body),) = json.loads(answer.content).items()
    assert body["code"] == answer.status_code
    return answer.status_code, name, body["message"]


@pytest.mark.parametrize(
    "body",
    [
        b"{", b"[]", b"null", b'"text"', b'{"a": 1, "a": 2}', b'{"a": NaN}', b'{"a": -Infinity}',
        b'{"a": 1e999}', b'{"a": "\\u0000"}', b'{"a": "\\ud800"}', b'{"\\u0000": 1}', b"\xff\xfe",
        b'{"a": ' + b"9" * 5000 + b"}",
        b'{"a": ' + b"[" * 40 + b"]" * 40 + b"}", b"[" * 100_000,
    ],
)  # fmt: skip
def test_malformed_body_is_400(send: Send, body: bytes) -> None:
    assert fault_of(send("POST", "/echo", body))[:2] == (400, "badRequest")


def test_body_without_content_type_is_read_as_json(send: Send) -> None:
    answer = send("POST", "/echo", b'{"fail": "conflict"}', content_type="")
    assert fault_of(answer) == (409, "conflict", "It is taken.")


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/xml", "application/json; charset=latin-1"]
)
def test_other_content_type_is_415(send: Send, content_type: str) -> None:
    assert fault_of(send("POST", "/echo", b"{}", content_type=content_type))[:2] == (415, "badMediaType")


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        ("application/json", 200), ("*/*", 200), ("application/*", 200), ("text/html, */*;q=0.1", 200),
        ("application/vnd.openstack.trove+json;version=1.0", 200),
        ("application/vnd.openstack.trove+json;version=2.0", 406), ("text/html", 406),
    ],
)  # fmt: skip
def test_accept(send: Send, accept: str, status: int) -> None:
    answer = send("GET", "/echo", Accept=accept)
    assert answer.status_code == status
    if status == 406:
        assert fault_of(answer)[1] == "notAcceptable"


def test_format_parameter_is_an_ordinary_one(send: Send) -> None:
    assert send("GET", "/echo?format=xml").json() == {"echo": {"format": ["xml"]}}


@pytest.mark.parametrize("path", ["/%00", "/echo%00", "/echo?a=%00", "/echo?a=%ff", "/echo?%C0%80"])
def test_unclean_url_is_400(send: Send, path: str) -> None:
    assert fault_of(send("GET", path))[:2] == (400, "badRequest")


@pytest.mark.parametrize("path", ["/nowhere", "/%FF", "/%C3%BC", "/echo/", "//echo", "/echo/more"])
def test_unknown_route_is_404(send: Send, path: str) -> None:
    assert fault_of(send("GET", path))[:2] == (404, "itemNotFound")


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"])
def test_unknown_method_is_405(send: Send, method: str) -> None:
    answer = send(method, "/echo")
    assert fault_of(answer)[:2] == (405, "badMethod")
    assert "GET" in answer["Allow"]


@pytest.mark.parametrize("path", ["/healthz", "/metrics", "/"])
def test_unknown_method_on_service_pages_is_405(send: Send, path: str) -> None:
    assert fault_of(send("POST", path, base=""))[:2] == (405, "badMethod")


def test_too_large_body_is_413_before_it_is_read(send: Send, settings: Settings) -> None:
    settings.MAX_BODY_BYTES = 100
    assert fault_of(send("POST", "/echo", b"x" * 101))[:2] == (413, "overLimit")
    assert send("POST", "/echo", b'{"a": "' + b"x" * 80 + b'"}').status_code == 200


def test_chunked_body_is_411(send: Send) -> None:
    assert fault_of(send("POST", "/echo", b"", Transfer_Encoding="chunked"))[:2] == (411, "lengthRequired")


def test_unknown_host_is_400(send: Send) -> None:
    assert fault_of(send("GET", "/echo", Host="evil.example"))[:2] == (400, "badRequest")


def test_json_suffix_is_taken(send: Send) -> None:
    assert send("GET", "/echo.json").status_code == 200


def test_missing_and_bad_tokens_are_401_in_keystones_shape(send: Send) -> None:
    for token in (None, "bad"):
        answer = send("GET", "/echo", token=token)
        assert answer.status_code == 401
        assert answer["WWW-Authenticate"] == "Keystone"
        assert answer.json()["error"]["code"] == 401
        assert answer.json()["error"]["title"] == "Unauthorized"


def test_another_projects_url_is_403(send: Send) -> None:
    assert fault_of(send("GET", "/echo", token="p2"))[:2] == (403, "forbidden")


def test_view_without_policy_is_403(send: Send) -> None:
    assert fault_of(send("GET", "/nothing"))[:2] == (403, "forbidden")


def test_defect_shows_an_id_and_nothing_else(send: Send) -> None:
    status, name, message = fault_of(send("POST", "/echo", b'{"fail": "defect"}'))
    assert (status, name) == (500, "instanceFault")
    assert re.search(r"[0-9a-f]{8}-[0-9a-f-]{27}", message)
    assert "hunter2" not in message


def test_over_limit_tells_when_to_come_back(send: Send) -> None:
    answer = send("POST", "/echo", b'{"fail": "limit"}')
    assert answer.status_code == 413
    assert answer["Retry-After"] == "8"
    assert answer.json()["overLimit"]["retryAfter"] == 8


def test_every_answer_has_its_own_request_id(send: Send) -> None:
    ids = [send("GET", path)["X-Openstack-Request-Id"] for path in ("/echo", "/nowhere", "/%00")]
    assert len(set(ids)) == 3
    assert all(re.fullmatch(r"req-[0-9a-f-]{36}", request_id) for request_id in ids)


def test_clients_request_id_is_not_taken_over(send: Send) -> None:
    mine = "req-00000000-0000-0000-0000-000000000000"
    assert send("GET", "/echo", X_Openstack_Request_Id=mine)["X-Openstack-Request-Id"] != mine


def test_empty_answer_has_a_content_type(send: Send) -> None:
    answer = send("POST", "/empty", b"{}")
    assert (answer.status_code, answer.content) == (202, b"")
    assert answer["Content-Type"] == "application/json"


def test_versions_document(send: Send) -> None:
    (version,) = send("GET", "/", base="", token=None).json()["versions"]
    assert version["links"] == [{"rel": "self", "href": "http://testserver/v1.0/"}]
    assert send("GET", "/v1.0/", base="", token=None).json()["version"]["id"] == "v1.0"


def test_public_endpoint_goes_into_links(send: Send, settings: Settings) -> None:
    settings.PUBLIC_ENDPOINT = "https://db.example.org:443/"
    (version,) = send("GET", "/", base="").json()["versions"]
    assert version["links"][0]["href"] == "https://db.example.org:443/v1.0/"


def test_head_is_get_without_body(send: Send) -> None:
    answer = send("HEAD", "/echo")
    assert (answer.status_code, answer.content) == (200, b"")


def test_metrics_and_health(send: Send) -> None:
    send("GET", "/echo")
    assert send("GET", "/healthz", base="", token=None).json() == {"status": "ok"}
    text = send("GET", "/metrics", base="", token=None).content.decode()
    assert 'route="/v1.0/<str:project_id>/echo"' in text
