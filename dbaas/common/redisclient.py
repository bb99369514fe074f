"""Redis with short timeouts: nothing here may hang because Redis does."""

from functools import lru_cache
from typing import Final

from django.conf import settings
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

CONNECT_TIMEOUT_SECONDS: Final = 0.5
ANSWER_TIMEOUT_SECONDS: Final = 1.0


def redis() -> Redis:
    """A client of ``settings.REDIS_URL``; it pools connections and may be shared by threads and forks.

    Raises redis.RedisError at the call that needs Redis. Blocking commands (BLPOP) that wait longer than
    the answer timeout need a client of their own: see `blocking_redis`.
    """
    return _client(settings.REDIS_URL, ANSWER_TIMEOUT_SECONDS)


def blocking_redis(wait_seconds: float) -> Redis:
    """A client for one blocking command of up to `wait_seconds`; close it after use."""
    return _connect(settings.REDIS_URL, wait_seconds + ANSWER_TIMEOUT_SECONDS)


@lru_cache(maxsize=4)
def _client(url: str, timeout: float) -> Redis:
    return _connect(url, timeout)


def _connect(url: str, timeout: float) -> Redis:
    client: Redis = Redis.from_url(
        url,
        decode_responses=True,
        socket_connect_timeout=CONNECT_TIMEOUT_SECONDS,
        socket_timeout=timeout,
        retry=Retry(NoBackoff(), 1),  # one more try heals a connection that Redis closed in between
        health_check_interval=15,
    )
    return client
