"""Is this process alive, and can it do its work?"""

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from time import monotonic
from typing import Final

from django.conf import settings
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from kombu import Connection

from dbaas.common.logs import get_logger
from dbaas.common.redisclient import redis

log = get_logger(__name__)

DEADLINE_SECONDS: Final = 3.0
_is_migrated = threading.Event()


def check_database() -> str:
    """ "ok", or what is wrong in a word; raises when the database can't be reached."""
    try:
        connection.ensure_connection()
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        if not _is_migrated.is_set():
            executor = MigrationExecutor(connection)
            if executor.migration_plan(executor.loader.graph.leaf_nodes()):
                return "migrations are missing"
            _is_migrated.set()  # code does not grow migrations while it runs
        return "ok"
    finally:
        connection.close()


def check_broker() -> str:
    with Connection(
        settings.CELERY_BROKER_URL, connect_timeout=2, transport_options={"max_retries": 1}
    ) as broker:
        broker.connect()
    return "ok"


def check_redis() -> str:
    redis().ping()
    return "ok"


CHECKS: Final[Mapping[str, Callable[[], str]]] = {
    "database": check_database,
    "broker": check_broker,
    "redis": check_redis,
}


def readiness(checks: Mapping[str, Callable[[], str]] = CHECKS) -> dict[str, str]:
    """What each part says: "ok" or the trouble in a few words. Takes at most `DEADLINE_SECONDS`."""
    # Threads, so that one silent part takes away neither the others' answers nor the deadline.
    pool = ThreadPoolExecutor(max_workers=len(checks), thread_name_prefix="readiness")
    deadline = monotonic() + DEADLINE_SECONDS
    futures = {name: pool.submit(check) for name, check in checks.items()}
    answers = {}
    for name, future in futures.items():
        try:
            answers[name] = future.result(timeout=max(0.0, deadline - monotonic()))
        except FutureTimeout:
            answers[name] = "no answer in time"
        except Exception as error:
            log.warning("not_ready", part=name, error=type(error).__name__)
            answers[name] = "cannot be reached"
    pool.shutdown(wait=False, cancel_futures=True)
    return answers
