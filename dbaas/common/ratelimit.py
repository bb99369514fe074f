"""Requests a minute for each project and verb, counted in Redis for all API processes together.

A bucket of `limit` requests refills evenly over a minute (the generic cell rate algorithm: one number per
bucket, the time at which it will be full again). When Redis is away requests are let through, counted and
logged: a limit is for fairness and must not become an outage.
"""

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, cast

from django.conf import settings
from redis import RedisError

from dbaas.common import metrics
from dbaas.common.errors import OverLimit
from dbaas.common.logs import get_logger
from dbaas.common.redisclient import redis

log = get_logger(__name__)

VERBS: Final = ("GET", "POST", "PUT", "DELETE")
_VERB_OF: Final = {"HEAD": "GET", "PATCH": "PUT"}
_WINDOW_SECONDS: Final = 60.0
#: After a failure Redis is not asked again for so long, or each request would wait for its timeout.
_PAUSE_SECONDS: Final = 5.0
_resume_at = 0.0

# KEYS: bucket. ARGV: limit, window, take (1 or 0). Returns {allowed, remaining, seconds until the next}.
_SCRIPT: Final = """
local t = redis.call('TIME')
local now = t[1] + t[2] / 1000000
local limit, window, take = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local step = window / limit
local full_at = math.max(tonumber(redis.call('GET', KEYS[1]) or now), now)
local allowed = full_at + step - now <= window + 0.000001
if allowed and take == 1 then
  full_at = full_at + step
  redis.call('SET', KEYS[1], string.format('%.6f', full_at), 'PX', math.ceil((full_at - now) * 1000) + 1)
end
local remaining = math.floor((window - (full_at - now)) / step + 0.000001)
local wait = math.max(0, full_at + step - now - window)
return {allowed and 1 or 0, remaining, string.format('%.6f', wait)}
"""


@dataclass(frozen=True, slots=True)
class RateLimit:
    """One line of ``GET /limits``: `value` requests a minute, `remaining` of them left now."""

    verb: str
    value: int
    remaining: int
    next_available: datetime
    unit: str = "MINUTE"


def check(project_id: str, method: str) -> None:
    """Count one request. Raises OverLimit with `retry_after` when there were too many."""
    verb = _VERB_OF.get(method, method)
    limit = _limit(verb)
    if limit <= 0:
        return
    answer = _ask(project_id, verb, limit, take=True)
    if answer is None:
        metrics.RATE_LIMIT_UNCHECKED.inc()
        return
    is_allowed, _, wait = answer
    if not is_allowed:
        metrics.RATE_LIMITED.labels(verb).inc()
        raise OverLimit(
            "This request was rate-limited.",
            retry_after=wait,
            details=f"Only {limit} {verb} request(s) can be made every minute.",
        )


def snapshot(project_id: str) -> list[RateLimit]:
    """The limits that are set, and what is left of them (all of it while Redis is away)."""
    lines = []
    for verb in VERBS:
        limit = _limit(verb)
        if limit <= 0:
            continue
        _, remaining, wait = _ask(project_id, verb, limit, take=False) or (True, limit, 0.0)
        lines.append(RateLimit(verb, limit, remaining, datetime.fromtimestamp(time.time() + wait, UTC)))
    return lines


def _limit(verb: str) -> int:
    return int(getattr(settings, f"HTTP_{verb}_RATE", 0))


def _ask(project_id: str, verb: str, limit: int, *, take: bool) -> tuple[bool, int, float] | None:
    global _resume_at  # noqa: PLW0603 - per process on purpose
    if time.monotonic() < _resume_at:
        return None
    try:
        answer = redis().eval(_SCRIPT, 1, f"rate:{project_id}:{verb}", limit, _WINDOW_SECONDS, int(take))
    except RedisError as error:
        _resume_at = time.monotonic() + _PAUSE_SECONDS
        log.warning("rate_limits_off", reason="Redis is away", error=type(error).__name__)
        return None
    allowed, remaining, wait = cast("list[str]", answer)
    return bool(int(allowed)), int(remaining), float(wait)
