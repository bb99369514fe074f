"""A POST that is sent again is answered again and not done again."""

from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import Settings

from dbaas.common import idempotency
from dbaas.common.models import IdempotentRequest
from guestagent.protocol.crypto import generate_key
from tests.unit.dbaas.common.conftest import Send
from tests.unit.dbaas.common.probe import EchoView

pytestmark = pytest.mark.django_db


def test_second_request_gets_the_first_answer(send: Send) -> None:
    first = send("POST", "/echo", b'{"a": 1, "b": 2}', Idempotency_Key="k1")
    again = send("POST", "/echo", b'{"b": 2, "a": 1}', Idempotency_Key="k1")
    assert len(EchoView.calls) == 1
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert again["X-Operation-Id"] == first["X-Operation-Id"] == "op-1"
    assert again["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first


def test_keys_are_the_projects_own(send: Send) -> None:
    send("POST", "/echo", b"{}", Idempotency_Key="k1")
    send("POST", "/echo", b"{}", Idempotency_Key="k1", token="p2", base="/v1.0/p2")
    assert len(EchoView.calls) == 2


@pytest.mark.parametrize("other", [{"body": b'{"a": 2}'}, {"X_User": "u2"}, {"path": "/slow"}])
def test_key_of_another_request_is_422(send: Send, other: dict[str, str]) -> None:
    send("POST", "/echo", b'{"a": 1}', Idempotency_Key="k1")
    sent = {"path": "/echo", "body": b'{"a": 1}', **other}
    answer = send("POST", sent.pop("path"), sent.pop("body"), Idempotency_Key="k1", **sent)
    assert answer.status_code == 422
    assert len(EchoView.calls) == 1


@pytest.mark.parametrize("path", ["/echo", "/slow"])
def test_refused_request_may_be_tried_again(send: Send, path: str) -> None:
    for _ in range(2):
        assert send("POST", path, b'{"fail": "conflict"}', Idempotency_Key="k1").status_code == 409
    assert len(EchoView.calls) == 2
    assert not IdempotentRequest.objects.exists()


@pytest.mark.parametrize("key", ["", "a b", "ü", "x" * 256])
def test_malformed_key_is_400(send: Send, key: str) -> None:
    assert send("POST", "/echo", b"{}", Idempotency_Key=key).status_code == 400
    assert not EchoView.calls


def test_answer_is_sealed_at_rest(send: Send) -> None:
    send("POST", "/echo", b'{"password": "s3cret-asked"}', Idempotency_Key="k1")
    row = IdempotentRequest.objects.values().get()
    assert row["answer"]
    assert "s3cret" not in str(row)


def test_answer_survives_key_rotation(send: Send, settings: Settings) -> None:
    send("POST", "/echo", b"{}", Idempotency_Key="k1")
    settings.TASKMANAGER_RPC_ENCR_KEY = [generate_key(), *settings.TASKMANAGER_RPC_ENCR_KEY]
    assert send("POST", "/echo", b"{}", Idempotency_Key="k1").status_code == 200
    settings.TASKMANAGER_RPC_ENCR_KEY = [generate_key()]
    assert send("POST", "/echo", b"{}", Idempotency_Key="k1").status_code == 409
    assert len(EchoView.calls) == 1


def test_answers_are_forgotten_after_a_day(send: Send) -> None:
    send("POST", "/echo", b"{}", Idempotency_Key="k1")
    send("POST", "/echo", b"{}", Idempotency_Key="k2")
    yesterday = timezone.now() - timedelta(seconds=1)
    IdempotentRequest.objects.update(expires_at=yesterday)
    send("POST", "/echo", b"{}", Idempotency_Key="k1")
    assert len(EchoView.calls) == 3
    assert idempotency.purge() == 1
    assert IdempotentRequest.objects.get().key == "k1"


def test_work_that_waits_for_a_guest_is_claimed_before(send: Send) -> None:
    send("POST", "/slow", b"{}", Idempotency_Key="k1")
    assert EchoView.calls == [[("k1", "")]]
    assert send("POST", "/slow", b"{}", Idempotency_Key="k1").json() == {"count": 1}


def test_request_under_way_is_409_until_its_claim_runs_out(send: Send) -> None:
    send("POST", "/slow", b"{}", Idempotency_Key="k1")
    IdempotentRequest.objects.update(answer="")  # as it is while the first one waits, or after it was killed
    answer = send("POST", "/slow", b"{}", Idempotency_Key="k1")
    assert answer.status_code == 409
    assert answer["Retry-After"]
    IdempotentRequest.objects.update(expires_at=timezone.now())
    assert send("POST", "/slow", b"{}", Idempotency_Key="k1").status_code == 200
