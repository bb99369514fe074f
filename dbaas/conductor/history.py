"""Exactly once: remembering the reports that were handled, and forgetting them in time."""

from datetime import timedelta
from typing import Final

from django.db import IntegrityError, transaction
from django.utils import timezone

from dbaas.conductor.models import ReceivedReport
from guestagent.protocol.envelope import MAX_CLOCK_SKEW_SECONDS, EnvelopeRefused, Header, Refusal

#: Guests keep reports while the broker is away, so they may be old; older ones than this are refused.
REPORT_MAX_AGE_SECONDS: Final = 86_400.0
_KEEP: Final = timedelta(seconds=REPORT_MAX_AGE_SECONDS + 2 * MAX_CLOCK_SKEW_SECONDS)
_PURGE_CHUNK: Final = 1000


def remember(header: Header) -> None:
    """Record the report, inside the transaction of its handler. Raises EnvelopeRefused(REPLAY)."""
    try:
        with transaction.atomic():  # a savepoint: the outer transaction stays usable
            ReceivedReport.objects.create(
                instance_id=header.instance_id,
                message_id=header.message_id,
                kind=header.kind,
                sequence=header.sequence,
            )
    except IntegrityError as error:
        raise EnvelopeRefused(Refusal.REPLAY) from error


def is_stale(header: Header) -> bool:
    """True when a later report of this kind has been handled: for kinds of which only the newest counts."""
    return ReceivedReport.objects.filter(
        instance_id=header.instance_id, kind=header.kind, sequence__gt=header.sequence
    ).exists()


def purge() -> int:
    """Forget what is too old to be accepted again; returns how many. No lock is held for long."""
    purged = 0
    while ids := list(
        ReceivedReport.objects.filter(received_at__lt=timezone.now() - _KEEP).values_list("pk", flat=True)[
            :_PURGE_CHUNK
        ]
    ):
        purged += ReceivedReport.objects.filter(pk__in=ids).delete()[0]
    return purged
