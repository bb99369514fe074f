import os
import socket
import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import amqp
import pytest
from pytest_django.fixtures import Settings

from dbaas.common.errors import ServiceUnavailable
from dbaas.conductor import broker, publish
from guestagent.protocol.queues import guest_queue
from tests.integration.dbaas.conductor.conftest import GuestAccount, free_port, queue_length, wait_until

pytestmark = pytest.mark.integration


def test_messages_from_many_threads_all_arrive(account: GuestAccount, channel: amqp.Channel) -> None:
    instance_id = account.guest.instance_id
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda number: publish.send_to_guest(instance_id, str(number)), range(300)))
    assert queue_length(channel, guest_queue(instance_id)) == 300


def test_missing_queue_is_said_and_the_next_message_goes_out(account: GuestAccount) -> None:
    for _ in range(3):
        with pytest.raises(publish.GuestQueueMissing):
            publish.send_to_guest(str(uuid.uuid4()), "x")
        publish.send_to_guest(account.guest.instance_id, "x")


def test_full_queue_is_said(account: GuestAccount, virtual_host: str, channel: amqp.Channel) -> None:
    queue = guest_queue(account.guest.instance_id)
    broker._api().put(
        "policies", virtual_host, "small",
        body={"pattern": queue, "priority": 9, "apply-to": "queues",
              "definition": {"max-length": 2, "overflow": "reject-publish"}},
    )  # fmt: skip

    def fill() -> bool:
        try:
            publish.send_to_guest(account.guest.instance_id, "x")
        except ServiceUnavailable as error:
            return "full" in error.message
        return False

    wait_until(fill)
    channel.queue_purge(queue)
    publish.send_to_guest(account.guest.instance_id, "x")


def test_links_that_were_cut_are_replaced(account: GuestAccount, channel: amqp.Channel) -> None:
    instance_id = account.guest.instance_id
    publish.send_to_guest(instance_id, "before")
    link = publish._publisher._idle.get_nowait()
    link._connection.sock.shutdown(socket.SHUT_RDWR)  # as when the broker goes away
    publish._publisher._idle.put_nowait(link)
    assert link.is_usable  # nobody has noticed yet
    publish.send_to_guest(instance_id, "after")
    assert queue_length(channel, guest_queue(instance_id)) == 2


def test_child_of_a_fork_makes_links_of_its_own(account: GuestAccount, channel: amqp.Channel) -> None:
    instance_id = account.guest.instance_id
    publish.send_to_guest(instance_id, "parent")
    child = os.fork()
    if child == 0:
        code = 1
        try:
            publish.send_to_guest(instance_id, "child")
            code = 0
        finally:
            os._exit(code)
    assert os.waitpid(child, 0)[1] == 0
    publish.send_to_guest(instance_id, "parent again")
    assert queue_length(channel, guest_queue(instance_id)) == 3


def test_broker_that_is_away_is_said(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publish, "_publisher", publish.Publisher())
    settings.TRANSPORT_URL = f"amqp://someone:hunter2@127.0.0.1:{free_port()}/x"
    with pytest.raises(ServiceUnavailable) as error:
        publish.send_to_guest(str(uuid.uuid4()), "x")
    assert "hunter2" not in f"{error.value!r} {error.value.__cause__!r}"


@pytest.fixture
def silent_port() -> Iterator[int]:
    """Takes connections and says nothing, as a frozen broker does."""
    taken: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def accept() -> None:
            try:
                while True:
                    taken.append(server.accept()[0])
            except OSError:
                return

        threading.Thread(target=accept, daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
    for connection in taken:
        connection.close()


@pytest.mark.timeout(20)
def test_broker_that_is_silent_is_not_waited_for(
    silent_port: int, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publish, "_publisher", publish.Publisher())
    settings.TRANSPORT_URL = f"amqp://a:b@127.0.0.1:{silent_port}/x"
    with pytest.raises(ServiceUnavailable):
        publish.send_to_guest(str(uuid.uuid4()), "x")
