from datetime import timedelta

import pytest
from django.utils import timezone

from dbaas.conductor import history
from dbaas.conductor.models import ReceivedReport
from guestagent.protocol.envelope import EnvelopeRefused
from tests.unit.guestagent.protocol.guests import FakeGuest

pytestmark = pytest.mark.django_db


def test_purge_forgets_only_what_would_be_refused_for_its_age() -> None:
    guest = FakeGuest()
    headers = [guest.header() for _ in range(3)]
    for header in headers:
        history.remember(header)
    old = timezone.now() - timedelta(seconds=history.REPORT_MAX_AGE_SECONDS + 300)
    ReceivedReport.objects.filter(sequence=1).update(received_at=old)
    assert history.purge() == 1
    assert history.purge() == 0
    for header in headers[1:]:
        with pytest.raises(EnvelopeRefused):
            history.remember(header)


def test_purge_goes_through_any_number_of_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "_PURGE_CHUNK", 2)
    guest = FakeGuest()
    for _ in range(5):
        history.remember(guest.header())
    ReceivedReport.objects.update(received_at=timezone.now() - timedelta(days=3))
    assert history.purge() == 5
