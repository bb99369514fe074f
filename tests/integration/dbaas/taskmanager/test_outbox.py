"""Publishing from the outbox while the broker is there and says nothing."""

import time
import uuid
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from django.conf import settings as django_settings
from pytest_django.fixtures import Settings

from dbaas.conductor import broker
from dbaas.taskmanager import outbox
from guestagent.protocol.queues import TASKMANAGER_QUEUE
from tests.chaos.proxy import Proxy

pytestmark = [pytest.mark.integration, pytest.mark.timeout(60)]

#: Well below the time that a person or a proxy waits for an answer of the API.
_PATIENCE_SECONDS = 10.0


@pytest.fixture
def way(settings: Settings) -> Iterator[Proxy]:
    """Leads to a virtual host of our own on the broker."""
    given = urlsplit(django_settings.TRANSPORT_URL)
    name = f"test-outbox-{uuid.uuid4()}"
    settings.TRANSPORT_URL = given._replace(path=f"/{name}").geturl()
    broker.ensure_vhost()
    broker.ensure_topology()
    way = Proxy(given.port or 5672)
    through = given._replace(path=f"/{name}", netloc=f"{given.username}:{given.password}@{way.address}")
    settings.TRANSPORT_URL = through.geturl()
    yield way
    way.close()
    broker._api().delete("vhosts", name)


def _publish() -> bool:
    return outbox.publish("taskmanager.run_operation", [str(uuid.uuid4())], TASKMANAGER_QUEUE)


@pytest.mark.parametrize("is_connected", [True, False], ids=["connected", "not connected yet"])
def test_a_silent_broker_is_not_waited_for(way: Proxy, is_connected: bool) -> None:
    if is_connected:
        assert _publish()
    way.stall()
    started_at = time.monotonic()
    assert not _publish()
    assert time.monotonic() - started_at < _PATIENCE_SECONDS
    way.heal()
    assert _publish()


def test_a_broker_that_comes_back_is_used_at_once(way: Proxy) -> None:
    assert _publish()
    way.cut()
    assert not _publish()
    way.heal()
    assert _publish()
