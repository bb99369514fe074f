import pytest
from django.contrib.auth import authenticate
from django.test import RequestFactory
from pytest_django import Settings

from dbaas.accounts import attempts
from tests.unit.dbaas.accounts.conftest import PASSWORD, People


@pytest.mark.parametrize(
    ("remote", "forwarded", "trusted", "address"),
    [
        ("192.0.2.1", "", [], "192.0.2.1"),
        ("192.0.2.1", "198.51.100.9", [], "192.0.2.1"),  # anybody can write that header
        ("10.0.0.1", "6.6.6.6, 198.51.100.9", ["10.0.0.0/8"], "198.51.100.9"),
        ("10.0.0.1", "198.51.100.9, 10.0.0.2", ["10.0.0.0/8"], "198.51.100.9"),
        ("10.0.0.1", "", ["10.0.0.0/8"], "10.0.0.1"),
        ("10.0.0.1", "rubbish", ["10.0.0.0/8"], "unknown"),
        ("", "198.51.100.9", [], "198.51.100.9"),  # a Unix socket
        ("2001:db8:1:2:3::4", "", [], "2001:db8:1:2::/64"),
    ],
)
def test_client_address(
    remote: str, forwarded: str, trusted: list[str], address: str, settings: Settings
) -> None:
    settings.TRUSTED_PROXIES = trusted
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}
    request = RequestFactory().get("/", headers=headers, REMOTE_ADDR=remote)
    assert attempts.client_address(request) == address


def test_admin_logins_are_counted_too(people: People, settings: Settings) -> None:
    settings.LOGIN_ATTEMPTS_PER_MINUTE = 2
    request = RequestFactory().post("/admin/login/")
    assert authenticate(request, username="ada", password=PASSWORD)
    for _ in range(2):
        assert authenticate(request, username="ada", password="wrong") is None
    assert authenticate(request, username="ada", password=PASSWORD) is None


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempts, "_MOST_KEYS", 10)
    counters = attempts._InProcess()
    for number in range(100):
        counters.count([f"a{number}", f"b{number}"])
    assert len(counters._counts) <= 12
    assert counters.wait({"b99": 1}) > 0


def test_names_do_not_show_in_keys() -> None:
    assert "hunter2" not in str(attempts.Attempt("hunter2", "192.0.2.1").limits())
