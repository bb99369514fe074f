"""Celery tasks of the task manager. Each is one thin call."""

import contextlib
import time

from celery import shared_task
from celery.signals import worker_ready
from redis.exceptions import RedisError

from dbaas.accounts import tokens
from dbaas.common import idempotency
from dbaas.common.doctor.stack import SWEPT_AT_KEY
from dbaas.common.redisclient import redis
from dbaas.taskmanager import engine, leases, sweeper
from dbaas.taskmanager.services import RUN_OPERATION


@shared_task(name=RUN_OPERATION)
def run_operation(operation_id: str) -> None:
    """Carry the operation on as far as it goes now."""
    engine.run(operation_id)


@shared_task(name="taskmanager.sweep")
def sweep() -> None:
    """Publish what the broker refused and wake what is due (beat, every two seconds)."""
    sweeper.sweep()
    # For the doctor: beat ticks and its task is run. Without Redis nobody is told, and that is all.
    with contextlib.suppress(RedisError):
        redis().set(SWEPT_AT_KEY, time.time(), ex=86_400)


@shared_task(name="taskmanager.purge")
def purge() -> None:
    """Remove operations, tokens and kept answers that ended long ago (beat, hourly)."""
    sweeper.purge()
    tokens.delete_expired()
    idempotency.purge()


@worker_ready.connect
def start_lease_keeper(**_: object) -> None:
    leases.keeper.start()
