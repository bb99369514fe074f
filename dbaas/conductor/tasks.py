"""Celery tasks of the conductor."""

from typing import Any, Final

from celery import shared_task
from celery.exceptions import Reject
from django.db import InterfaceError, OperationalError

from dbaas.common.errors import DbaasError
from dbaas.common.logs import get_logger
from dbaas.conductor import history, intake, publish
from guestagent.protocol.queues import REPORT_TASK

log = get_logger(__name__)

#: A report whose handler fails this often in an unexpected way goes to the dead letters.
MAX_UNEXPECTED_FAILURES: Final = 5


@shared_task(name=REPORT_TASK, bind=True)
def receive_report(self: Any, envelope: str) -> None:
    """Take in one sealed report. What we can't handle now comes back in seconds; what we never can, ends.

    An outage of the database may last: the report comes back until its age refuses it. A failure that
    nobody foresaw is tried a few times.
    """
    try:
        intake.take_in(envelope)
    except Exception as error:
        retries = int(self.request.retries or 0)
        if not _is_transient(error) and retries + 1 >= MAX_UNEXPECTED_FAILURES:
            log.exception("report_dead_lettered", failures=retries + 1)
            raise Reject(type(error).__name__, requeue=False) from error
        log.warning("report_put_off", error=type(error).__name__, failures=retries + 1, exc_info=error)
        _put_off(envelope, retries + 1)


@shared_task(name="conductor.purge")
def purge() -> None:
    """Forget reports that are too old to come again (beat, hourly; run by the taskmanager)."""
    history.purge()


def _is_transient(error: Exception) -> bool:
    if isinstance(error, DbaasError):
        return error.retryable
    return isinstance(error, OperationalError | InterfaceError)


def _put_off(envelope: str, retries: int) -> None:
    try:
        publish.send_to_retry(envelope, retries=retries)
    except DbaasError as error:
        # The broker is away or full: then this delivery goes back to its queue, within its delivery limit.
        raise Reject(error.code, requeue=True) from error
