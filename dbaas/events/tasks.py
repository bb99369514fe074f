"""Celery tasks of events. Each is one thin call."""

from celery import shared_task

from dbaas.events import dispatch, services


@shared_task(name="events.deliver")
def deliver() -> None:
    """Send what is due to webhooks (beat, every two seconds)."""
    dispatch.run()


@shared_task(name="events.purge")
def purge() -> None:
    """Remove events older than the retention time (beat, hourly)."""
    services.events_purge()
