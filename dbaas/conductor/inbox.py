"""Where an answer of a guest waits for the process that asked: a Redis list for each command.

The key holds the instance id that the answer's own key proved, so no guest can answer for another.
"""

import time
from typing import Final

import msgspec
from redis import RedisError

from dbaas.common.errors import ServiceUnavailable
from dbaas.common.logs import get_logger
from dbaas.common.redisclient import blocking_redis, redis
from guestagent.protocol.reports import CommandFinished, decode_report, encode_report

log = get_logger(__name__)

#: An answer that nobody fetched is gone after this; no asker waits longer.
KEEP_SECONDS: Final = 600


def put(command_id: str, report: CommandFinished, *, instance_id: str) -> bool:
    """Leave the answer; twice is harmless. False when Redis is away: the asker's time will run out."""
    key = _key(instance_id, command_id)
    try:
        with redis().pipeline(transaction=True) as pipeline:
            pipeline.rpush(key, encode_report(report).decode())
            pipeline.expire(key, KEEP_SECONDS)
            pipeline.execute()
    except RedisError as error:
        log.warning("inbox_put_failed", command_id=command_id, error=type(error).__name__)
        return False
    return True


def wait(command_id: str, timeout_seconds: float, *, instance_id: str) -> CommandFinished | None:
    """Wait for the answer of this instance to this command; None when the time is over.

    Raises ServiceUnavailable when Redis is away.
    """
    deadline = time.monotonic() + timeout_seconds
    key = _key(instance_id, command_id)
    try:
        with blocking_redis(timeout_seconds) as client:
            # Redis reads a timeout of zero as "for ever".
            answer = client.blpop([key], timeout=max(0.01, deadline - time.monotonic()))
    except RedisError as error:
        raise ServiceUnavailable("The answer of the guest can't be waited for: Redis is away.") from error
    return _decode(str(answer[1])) if answer else None


def _decode(text: str) -> CommandFinished | None:
    try:
        report = decode_report(text.encode())
    except msgspec.MsgspecError:
        return None
    return report if isinstance(report, CommandFinished) else None


def _key(instance_id: str, command_id: str) -> str:
    return f"dbaas:inbox:{instance_id}:{command_id}"
