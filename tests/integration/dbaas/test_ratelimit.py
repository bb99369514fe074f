"""Rate limits against a real Redis."""

import threading
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from pytest_django import Settings

from dbaas.common import ratelimit, redisclient
from dbaas.common.errors import OverLimit

pytestmark = pytest.mark.integration


@pytest.fixture
def project(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(ratelimit, "_resume_at", 0.0)
    settings.HTTP_GET_RATE = 5
    settings.HTTP_POST_RATE = 0
    settings.HTTP_PUT_RATE = 2
    settings.HTTP_DELETE_RATE = 3
    return f"test-{uuid.uuid4().hex}"


def allowed(project: str, method: str, count: int) -> int:
    passed = 0
    for _ in range(count):
        try:
            ratelimit.check(project, method)
        except OverLimit:
            continue
        passed += 1
    return passed


def test_so_many_and_no_more(project: str) -> None:
    assert allowed(project, "DELETE", 10) == 3
    with pytest.raises(OverLimit) as refused:
        ratelimit.check(project, "DELETE")
    assert 0 < refused.value.extra["retry_after"] <= 20
    assert allowed(f"{project}-other", "DELETE", 10) == 3


def test_patch_counts_as_put_and_head_as_get(project: str) -> None:
    assert allowed(project, "PATCH", 1) + allowed(project, "PUT", 5) == 2
    assert allowed(project, "HEAD", 2) + allowed(project, "GET", 9) == 5


def test_zero_is_no_limit(project: str) -> None:
    assert allowed(project, "POST", 50) == 50


def test_snapshot_tells_what_is_left_and_takes_nothing(project: str) -> None:
    allowed(project, "GET", 2)
    for _ in range(3):
        lines = {line.verb: line for line in ratelimit.snapshot(project)}
    assert set(lines) == {"GET", "PUT", "DELETE"}
    assert (lines["GET"].value, lines["GET"].remaining) == (5, 3)
    assert lines["PUT"].remaining == 2


def test_processes_share_one_count(project: str, settings: Settings) -> None:
    settings.HTTP_PUT_RATE = 30
    barrier = threading.Barrier(8)

    def worker(_: int) -> int:
        barrier.wait(timeout=30)
        return allowed(project, "PUT", 10)

    with ThreadPoolExecutor(8) as pool:
        total = sum(pool.map(worker, range(8)))
    # The bucket refills at one in two seconds while this runs.
    assert 30 <= total <= 40


def test_without_redis_requests_pass(project: str, settings: Settings) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    assert allowed(project, "GET", 50) == 50
    assert [line.remaining for line in ratelimit.snapshot(project)] == [5, 2, 3]


def test_silent_redis_does_not_hold_requests_up(project: str) -> None:
    assert redisclient.redis().ping()
    options = redisclient.redis().connection_pool.connection_kwargs
    assert options["socket_timeout"] <= 1
    assert options["socket_connect_timeout"] <= 1
