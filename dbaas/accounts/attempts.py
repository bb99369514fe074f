"""Failed logins are counted, in Redis for all processes together, and past a limit refused for a while.

Counted per account and address, and five times more generously per account (many addresses guessing one
password) and per address (one address trying many accounts). When Redis is away each process counts for
itself: weaker, but never open.
"""

import hashlib
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import ClassVar, Final

from django.conf import settings
from django.http import HttpRequest
from redis.exceptions import RedisError

from dbaas.common.errors import DbaasError
from dbaas.common.logs import get_logger
from dbaas.common.redisclient import redis

log = get_logger(__name__)

WINDOW_SECONDS: Final = 60
_WIDER: Final = 5
_MOST_KEYS: Final = 10_000


class TooManyAttempts(DbaasError):
    """`extra["retry_after"]` says for how many seconds."""

    code: ClassVar[str] = "too_many_attempts"
    status: ClassVar[int] = 429


@dataclass(frozen=True, slots=True)
class Attempt:
    """Somebody trying to be `account` (an id, or a name nobody has) from `address`."""

    account: str
    address: str

    def limits(self) -> Mapping[str, int]:
        """Counter names (hashed, since people type passwords into name fields) and their limits."""
        limit = max(1, settings.LOGIN_ATTEMPTS_PER_MINUTE)
        return {
            _key("pair", self.account, self.address): limit,
            _key("account", self.account): limit * _WIDER,
            _key("address", self.address): limit * _WIDER,
        }


def check(attempt: Attempt) -> None:
    """Raises TooManyAttempts when there were too many failures within the last minute."""
    limits = attempt.limits()
    try:
        seconds = _redis_wait(limits)
    except RedisError as error:
        log.warning("login.redis_away", error=type(error).__name__)
        seconds = 0.0
    seconds = max(seconds, _here.wait(limits))
    if seconds > 0:
        log.warning("login.refused", address=attempt.address, retry_after_seconds=round(seconds))
        raise TooManyAttempts("Too many failed logins. Please wait a minute.", retry_after=seconds)


def count_failure(attempt: Attempt) -> None:
    """One more failure."""
    keys = list(attempt.limits())
    try:
        with redis().pipeline(transaction=True) as pipeline:
            for key in keys:
                pipeline.incr(key)
                pipeline.expire(key, WINDOW_SECONDS, nx=True)
            pipeline.execute()
    except RedisError as error:
        log.warning("login.redis_away", error=type(error).__name__)
        _here.count(keys)


def _redis_wait(limits: Mapping[str, int]) -> float:
    counts = redis().mget(list(limits))
    full = [
        key for (key, limit), count in zip(limits.items(), counts, strict=True) if int(count or 0) >= limit
    ]
    return max((max(float(redis().ttl(key)), 1.0) for key in full), default=0.0)


class _InProcess:
    """The same counters in this process's memory, bounded."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[str, tuple[int, float]] = {}

    def wait(self, limits: Mapping[str, int]) -> float:
        now = time.monotonic()
        with self._lock:
            waits = [
                ends_at - now
                for key, limit in limits.items()
                for count, ends_at in [self._counts.get(key, (0, now))]
                if count >= limit
            ]
        return max(waits, default=0.0)

    def count(self, keys: list[str]) -> None:
        now = time.monotonic()
        with self._lock:
            if len(self._counts) > _MOST_KEYS:
                self._counts = {key: value for key, value in self._counts.items() if value[1] > now}
            while len(self._counts) > _MOST_KEYS:
                self._counts.pop(next(iter(self._counts)))
            for key in keys:
                count, ends_at = self._counts.get(key, (0, 0.0))
                live = ends_at > now
                self._counts[key] = (count + 1, ends_at) if live else (1, now + WINDOW_SECONDS)


_here = _InProcess()


def _key(kind: str, *values: str) -> str:
    digest = hashlib.sha256("\0".join(values).encode("utf-8", "surrogatepass")).hexdigest()[:32]
    return f"dbaas:login:{kind}:{digest}"


def client_address(request: HttpRequest) -> str:
    """Where a request comes from: the last address that isn't one of settings.TRUSTED_PROXIES.

    IPv6 addresses stand for their /64, since one customer has a whole one.
    """
    trusted = [ip_network(proxy, strict=False) for proxy in settings.TRUSTED_PROXIES]
    forwarded = [
        part.strip() for part in request.headers.get("X-Forwarded-For", "").split(",") if part.strip()
    ]
    address = str(request.META.get("REMOTE_ADDR") or "")
    while forwarded and _is_in(address, trusted):
        address = forwarded.pop()
    try:
        found = ip_address(address)
    except ValueError:
        return "unknown"
    return str(found) if found.version == 4 else str(ip_network(f"{found}/64", strict=False))


def _is_in(address: str, networks: list) -> bool:  # type: ignore[type-arg]
    try:
        found = ip_address(address)
    except ValueError:
        return address == ""  # a Unix socket: only a proxy on this host can have written to it
    return any(found in network for network in networks)
