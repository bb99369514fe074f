"""Celery tasks of instances. Each is one thin call."""

from celery import shared_task

from instances import reaper


@shared_task(name="instances.reap")
def reap() -> None:
    """Tell users of instances nothing works on any more, and remove what was left behind (beat)."""
    reaper.reap_stuck()
    reaper.remove_leftovers()
