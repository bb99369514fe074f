"""Celery tasks of the task manager. Each is one thin call."""

from celery import shared_task
from celery.signals import worker_ready

from dbaas.taskmanager import engine, leases, sweeper
from dbaas.taskmanager.services import RUN_OPERATION


@shared_task(name=RUN_OPERATION)  # type: ignore[untyped-decorator]
def run_operation(operation_id: str) -> None:
    """Carry the operation on as far as it goes now."""
    engine.run(operation_id)


@shared_task(name="taskmanager.sweep")  # type: ignore[untyped-decorator]
def sweep() -> None:
    """Publish what the broker refused and wake what is due (beat, every two seconds)."""
    sweeper.sweep()


@shared_task(name="taskmanager.purge")  # type: ignore[untyped-decorator]
def purge() -> None:
    """Remove operations that ended long ago (beat, hourly)."""
    sweeper.purge()


@worker_ready.connect  # type: ignore[untyped-decorator]
def start_lease_keeper(**_: object) -> None:
    leases.keeper.start()
