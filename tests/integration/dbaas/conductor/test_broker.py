import pytest
from pytest_django.fixtures import Settings

from dbaas.common.errors import ServiceUnavailable
from dbaas.conductor import broker, topology
from guestagent.protocol.secret import Secret
from tests.integration.dbaas.conductor.conftest import free_port

pytestmark = pytest.mark.integration


def all_texts(error: BaseException | None) -> str:
    """What a log would show of an error and those behind it."""
    return f"{error!r} {all_texts(error.__cause__ or error.__context__)}" if error else ""


def test_topology_may_be_made_any_number_of_times(virtual_host: str) -> None:
    broker.ensure_vhost()
    broker.ensure_topology()
    queues = {queue["name"]: queue for queue in broker._api().get("queues", virtual_host)}
    assert {name for name, queue in queues.items() if queue["type"] == "quorum"} == {
        "taskmanager",
        "conductor",
    }
    assert set(queues) == {
        "taskmanager", "conductor", "conductor.dead", "conductor.retry",
        "conductor.heartbeats",
    }  # fmt: skip
    assert len(broker._api().get("policies", virtual_host)) == len(topology.policies())


def test_broker_that_is_away_is_said_in_seconds_without_its_password(settings: Settings) -> None:
    settings.RABBITMQ_MANAGEMENT_URL = f"http://someone:hunter2@127.0.0.1:{free_port()}"
    with pytest.raises(ServiceUnavailable) as error:
        broker.ensure_guest("an-instance", Secret("hunter3"))
    assert "hunter" not in all_texts(error.value)


def test_wrong_password_of_ours_is_said(settings: Settings) -> None:
    settings.RABBITMQ_MANAGEMENT_URL = settings.RABBITMQ_MANAGEMENT_URL.replace(
        "guest:guest", "guest:hunter2"
    )
    with pytest.raises(ServiceUnavailable, match="401"):
        broker.list_guests()
