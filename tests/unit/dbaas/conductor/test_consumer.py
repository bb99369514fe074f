"""Of a Celery message from a guest nothing is believed but its envelope."""

import json
import zlib
from typing import Any

import pytest
from kombu import compression
from kombu.message import Message

from dbaas.conductor.consumer import MAX_BODY_BYTES, envelope_of, forbid_compression, make_anew
from guestagent.protocol.envelope import EnvelopeRefused
from guestagent.protocol.queues import REPORT_TASK

HEADERS = {"task": REPORT_TASK, "id": "an-id"}


def message(body: Any = None, headers: dict[str, Any] | None = None, **changes: Any) -> Any:
    content = body if isinstance(body, bytes) else json.dumps(body or [["sealed"], {}, {}]).encode()
    return Message(
        body=content,  # type: ignore[arg-type]
        headers=HEADERS if headers is None else headers,
        **changes,
    )


def test_envelope_survives_and_nothing_else() -> None:
    hostile = {
        "callbacks": [{"task": "taskmanager.run_operation", "args": ["x"]}],
        "chain": [{"task": "y"}], "chord": "z",
    }  # fmt: skip
    headers = HEADERS | {
        "eta": "2999-01-01T00:00:00", "argsrepr": "<script>", "retries": 3, "reply_to": "q", "group": "g",
        "timelimit": [1, 1], "stamps": {"x": 1}, "shadow": "other",
    }  # fmt: skip
    received = message(
        [["sealed"], {"more": 1}, hostile], headers,
        properties={"reply_to": "elsewhere"}, content_type="application/x-python-serialize",
    )  # fmt: skip
    make_anew(received)
    assert json.loads(received.body) == [["sealed"], {}, {}]
    assert received.headers == {
        "lang": "py", "task": REPORT_TASK, "id": "an-id", "root_id": "an-id", "retries": 3,
        "argsrepr": "('<sealed>',)", "kwargsrepr": "{}", "ignore_result": True,
    }  # fmt: skip
    assert received.properties == {"correlation_id": "an-id"}
    assert (received.content_type, received.content_encoding) == ("application/json", "utf-8")


@pytest.mark.parametrize("task", ["taskmanager.run_operation", "celery.map", "", None, 7, {"a": 1}, ["x"]])
def test_no_other_task_can_be_called(task: Any) -> None:
    with pytest.raises(EnvelopeRefused):
        make_anew(message(headers={"task": task, "id": "x"}))


def test_old_message_protocol_is_refused() -> None:
    with pytest.raises(EnvelopeRefused):
        make_anew(message({"task": REPORT_TASK, "args": ["sealed"]}, headers={}))


@pytest.mark.parametrize(
    "body",
    [b"", b"\xff\xfe", b"{}", b"[]", b'[[], {}, {}]', b'[["a", "b"], {}, {}]', b'[[7], {}, {}]',
     b'[["a"], {}]', b'"x"', b"[" * 100_000, b'[["a"], ' + b"[" * 100_000],
)  # fmt: skip
def test_other_bodies_are_refused(body: bytes) -> None:
    with pytest.raises(EnvelopeRefused):
        envelope_of(body)


def test_too_long_a_body_is_refused() -> None:
    with pytest.raises(EnvelopeRefused):
        envelope_of(b" " * (MAX_BODY_BYTES + 1))


@pytest.mark.parametrize("task_id", [None, 7, "x" * 65, "a b", "\x1b[2J", {"a": 1}])
def test_strange_ids_are_replaced(task_id: Any) -> None:
    received = message(headers=HEADERS | {"id": task_id})
    make_anew(received)
    assert len(received.headers["id"]) == 36


@pytest.mark.parametrize("retries", [None, -1, "5", True, 2**40, 1.5])
def test_strange_retries_count_as_none(retries: Any) -> None:
    received = message(headers=HEADERS | {"retries": retries})
    make_anew(received)
    assert received.headers["retries"] == 0


@pytest.mark.parametrize("method", ["gzip", "zlib", "application/x-gzip", "bzip2"])
def test_compressed_message_is_not_unpacked(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for registry in ("_encoders", "_decoders"):
        monkeypatch.setattr(compression, registry, dict(getattr(compression, registry)))
    forbid_compression()
    bomb = zlib.compress(b" " * 10_000_000)
    received = message(bomb, HEADERS | {"compression": method})
    assert received.errors
    assert received.body == bomb
    with pytest.raises(EnvelopeRefused):
        make_anew(received)
