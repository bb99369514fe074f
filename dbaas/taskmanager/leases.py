"""Leases: a worker owns an operation for seconds at a time and says so again while it works."""

import os
import secrets
import socket
import threading
import time
from datetime import timedelta

from django.conf import settings
from django.db import close_old_connections
from django.db.models import Q
from django.utils import timezone

from dbaas.common.logs import get_logger
from dbaas.taskmanager.models import UNFINISHED, Operation, State

log = get_logger(__name__)

WORKER = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"


class LeaseLost(Exception):
    """Another worker owns the operation now; this one must not write any more."""


def lease_end() -> timedelta:
    return timedelta(seconds=settings.OPERATION_LEASE_SECONDS)


def claim(operation_id: str) -> Operation | None:
    """Take the operation if it may run now: it is due, nobody holds it, and it is the first of its lane."""
    now = timezone.now()
    token = secrets.token_hex(16)
    claimable = (
        Q(state=State.PENDING)
        | Q(state=State.WAITING, wake_at__lte=now)
        | Q(state=State.RUNNING, lease_until__lt=now)
    )
    me = Operation.objects.filter(pk=operation_id).values("lane", "position").first()
    if me is None:
        return None
    if Operation.objects.filter(lane=me["lane"], position__lt=me["position"], state__in=UNFINISHED).exists():
        # Whoever ends before us in the lane dispatches us: see engine.finish.
        return None
    taken = Operation.objects.filter(claimable, pk=operation_id).update(
        state=State.RUNNING, lease_owner=WORKER, lease_token=token, lease_until=now + lease_end()
    )
    if not taken:
        return None
    operation = Operation.objects.get(pk=operation_id)
    return operation if operation.lease_token == token else None


def update_owned(operation: Operation, **changes: object) -> None:
    """Write to an operation that this worker holds. Raises LeaseLost when it doesn't any more."""
    owned = Operation.objects.filter(
        pk=operation.pk, lease_token=operation.lease_token, state=State.RUNNING
    ).update(**changes)
    if not owned:
        raise LeaseLost(str(operation.pk))
    for name, value in changes.items():
        setattr(operation, name, value)


def require_owned(operation: Operation) -> None:
    """Hold the operation's row, in the caller's transaction, as its worker. Raises LeaseLost.

    For what a step writes elsewhere: a worker that was frozen must not overwrite what the next one wrote.
    """
    owned = Operation.objects.select_for_update().filter(
        pk=operation.pk, lease_token=operation.lease_token, state=State.RUNNING
    )
    if owned.values_list("pk", flat=True).first() is None:
        raise LeaseLost(str(operation.pk))


class LeaseKeeper:
    """Renews the leases this process holds, from one thread, while their steps are at work."""

    def __init__(self) -> None:
        self._held: dict[str, str] = {}
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def hold(self, operation: Operation) -> None:
        with self._lock:
            self._held[str(operation.pk)] = operation.lease_token

    def release(self, operation: Operation) -> None:
        with self._lock:
            self._held.pop(str(operation.pk), None)

    def start(self) -> None:
        """Called once by a worker process at its start."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._renew_forever, name="lease-keeper", daemon=True)
            self._thread.start()

    @property
    def is_started(self) -> bool:
        return self._thread is not None

    def renew(self) -> None:
        with self._lock:
            tokens = list(self._held.values())
        if tokens:
            Operation.objects.filter(lease_token__in=tokens, state=State.RUNNING).update(
                lease_until=timezone.now() + lease_end()
            )

    def _renew_forever(self) -> None:
        while True:
            time.sleep(settings.OPERATION_LEASE_SECONDS / 3)
            try:
                close_old_connections()
                self.renew()
            except Exception as error:  # the database is away: leases may run out, which is safe
                log.warning("lease_renewal_failed", error=type(error).__name__)


keeper = LeaseKeeper()
