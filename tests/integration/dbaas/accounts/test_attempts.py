"""Counting failed logins in the real Redis: shared by processes, and not forgotten when Redis goes away."""

import secrets
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from pytest_django import Settings

from dbaas.accounts import attempts
from dbaas.accounts.attempts import Attempt, TooManyAttempts
from dbaas.common.redisclient import redis
from tests.integration.dbaas.accounts.databases import ROOT

pytestmark = pytest.mark.integration


@pytest.fixture
def attempt(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Attempt:
    settings.LOGIN_ATTEMPTS_PER_MINUTE = 3
    monkeypatch.setattr(attempts, "_here", attempts._InProcess())
    return Attempt(secrets.token_hex(8), f"192.0.2.{secrets.randbelow(256)}-{secrets.token_hex(4)}")


def refused(attempt: Attempt) -> bool:
    try:
        attempts.check(attempt)
    except TooManyAttempts as error:
        assert 0 < error.extra["retry_after"] <= attempts.WINDOW_SECONDS
        return True
    return False


def test_failures_of_all_processes_count(attempt: Attempt) -> None:
    code = (
        "import sys, django; django.setup(); from dbaas.accounts import attempts as a;"
        "a.count_failure(a.Attempt(sys.argv[1], sys.argv[2]))"
    )
    for _ in range(3):
        assert not refused(attempt)
        subprocess.run(
            [sys.executable, "-c", code, attempt.account, attempt.address], check=True, cwd=ROOT, timeout=60
        )
    assert refused(attempt)
    assert not refused(Attempt(attempt.account, "192.0.2.250"))


def test_an_account_guessed_from_many_addresses_is_closed(attempt: Attempt) -> None:
    for number in range(15):
        attempts.count_failure(Attempt(attempt.account, f"198.51.100.{number}-{attempt.address}"))
    assert refused(attempt)


def test_counting_loses_nothing_in_a_race_and_always_ends(attempt: Attempt) -> None:
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda _: attempts.count_failure(attempt), range(64)))
    keys = list(attempt.limits())
    assert redis().mget(keys) == ["64"] * 3
    assert all(0 < redis().ttl(key) <= attempts.WINDOW_SECONDS for key in keys)


def test_redis_going_away_does_not_open_the_door(attempt: Attempt, settings: Settings) -> None:
    there = settings.REDIS_URL
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    for _ in range(3):
        assert not refused(attempt)
        attempts.count_failure(attempt)
    assert refused(attempt)
    settings.REDIS_URL = there
    assert refused(attempt), "what was counted meanwhile still counts"
