"""What a guest's account at the broker can't do. Everything, but reading its queue and reporting."""

from collections.abc import Callable

import amqp
import pytest
from amqp.exceptions import AccessRefused, AMQPError, NotFound

from dbaas.conductor import broker, publish
from guestagent.protocol.queues import (
    CONDUCTOR_EXCHANGE,
    CONDUCTOR_QUEUE,
    HEARTBEAT_QUEUE,
    HEARTBEAT_ROUTING_KEY,
    REPORT_ROUTING_KEY,
    TASKMANAGER_QUEUE,
    guest_queue,
)
from guestagent.protocol.secret import Secret
from tests.integration.dbaas.conductor.conftest import (
    GuestAccount,
    connect,
    queue_length,
    task_message,
    wait_until,
)

pytestmark = pytest.mark.integration

MESSAGE = amqp.Message("x")


def publish_to(exchange: str, key: str) -> Callable[[amqp.Channel, str], object]:
    return lambda channel, _queue: channel.basic_publish(MESSAGE, exchange=exchange, routing_key=key)


FORBIDDEN: dict[str, Callable[[amqp.Channel, str], object]] = {
    "declare a queue": lambda channel, _: channel.queue_declare("mine"),
    "declare a queue without a name": lambda channel, _: channel.queue_declare(""),
    "declare its own queue anew": lambda channel, own: channel.queue_declare(
        own, durable=True, auto_delete=False
    ),
    "declare an exchange": lambda channel, _: channel.exchange_declare("mine", "direct"),
    "delete its queue": lambda channel, own: channel.queue_delete(own),
    "delete the conductor's queue": lambda channel, _: channel.queue_delete(CONDUCTOR_QUEUE),
    "delete the exchange": lambda channel, _: channel.exchange_delete(CONDUCTOR_EXCHANGE),
    "purge the conductor's queue": lambda channel, _: channel.queue_purge(CONDUCTOR_QUEUE),
    "purge the heartbeats": lambda channel, _: channel.queue_purge(HEARTBEAT_QUEUE),
    "bind its queue to the conductor": lambda channel, own: channel.queue_bind(
        own, CONDUCTOR_EXCHANGE, REPORT_ROUTING_KEY
    ),
    "bind its queue to celery's events": lambda channel, own: channel.queue_bind(own, "amq.topic", "#"),
    "unbind the conductor": lambda channel, _: channel.queue_unbind(
        CONDUCTOR_QUEUE, CONDUCTOR_EXCHANGE, REPORT_ROUTING_KEY
    ),
    "bind exchanges": lambda channel, _: channel.exchange_bind("amq.fanout", CONDUCTOR_EXCHANGE, "x"),
    "read reports": lambda channel, _: channel.basic_get(CONDUCTOR_QUEUE),
    "read heartbeats": lambda channel, _: channel.basic_get(HEARTBEAT_QUEUE),
    "read operations": lambda channel, _: channel.basic_get(TASKMANAGER_QUEUE),
    "read dead letters": lambda channel, _: channel.basic_get("conductor.dead"),
    "read a queue whose name begins as its own": lambda channel, own: channel.basic_get(own + "x"),
    "write to the task manager": publish_to("", TASKMANAGER_QUEUE),
    "write to the task manager's exchange": publish_to(TASKMANAGER_QUEUE, TASKMANAGER_QUEUE),
    "write to the default exchange": publish_to("", CONDUCTOR_QUEUE),
    "write to a topic exchange": publish_to("amq.topic", "worker.heartbeat"),
    "write to a fanout exchange": publish_to("amq.fanout", ""),
}


@pytest.mark.parametrize("what", FORBIDDEN)
def test_guest_cannot(what: str, account: GuestAccount, channel: amqp.Channel) -> None:
    channel.queue_declare(guest_queue(account.guest.instance_id) + "x", durable=True, auto_delete=False)
    with account.channel() as own, pytest.raises(AccessRefused):
        FORBIDDEN[what](own, guest_queue(account.guest.instance_id))
        own.connection.drain_events(timeout=2)  # an error may come after the call


def test_guest_cannot_read_or_write_the_queue_of_another(account: GuestAccount) -> None:
    other = guest_queue(GuestAccount().guest.instance_id)
    with account.channel() as own, pytest.raises(AccessRefused):
        own.basic_get(other)
    with account.channel() as own, pytest.raises(AccessRefused):
        own.basic_consume(other)
    with account.channel() as own, pytest.raises(AccessRefused):
        own.basic_publish(MESSAGE, exchange="", routing_key=other)


@pytest.mark.parametrize("exchange", ["celery.pidbox", "reply.celery.pidbox", "celeryev"])
def test_guest_cannot_command_or_deceive_workers(
    exchange: str, account: GuestAccount, channel: amqp.Channel
) -> None:
    channel.exchange_declare(exchange, "fanout", durable=False, auto_delete=False)
    with account.channel() as own, pytest.raises(AccessRefused):
        own.basic_publish(MESSAGE, exchange=exchange, routing_key="")


def test_guest_cannot_reach_other_virtual_hosts(account: GuestAccount) -> None:
    user = broker.guest_user(account.guest.instance_id)
    elsewhere = amqp.Connection("127.0.0.1:5672", user, account.password, virtual_host="/", connect_timeout=5)
    with pytest.raises((AMQPError, OSError)):
        elsewhere.connect()
    elsewhere.collect()


def test_guest_cannot_pretend_to_be_another_user(account: GuestAccount) -> None:
    message = amqp.Message("x", user_id="guest")
    with account.channel() as own, pytest.raises(AMQPError):
        own.basic_publish(message, exchange=CONDUCTOR_EXCHANGE, routing_key=REPORT_ROUTING_KEY)


def test_carbon_copies_reach_nobody_else(account: GuestAccount, channel: amqp.Channel) -> None:
    other = guest_queue(GuestAccount().guest.instance_id)
    message = amqp.Message("x", application_headers={"CC": [other, TASKMANAGER_QUEUE], "BCC": [other]})
    with account.channel() as own:
        own.basic_publish(message, exchange=CONDUCTOR_EXCHANGE, routing_key=REPORT_ROUTING_KEY)
    assert queue_length(channel, CONDUCTOR_QUEUE) == 1
    assert queue_length(channel, TASKMANAGER_QUEUE) == queue_length(channel, other) == 0


def test_guest_cannot_open_connections_without_end(account: GuestAccount) -> None:
    user = broker.guest_user(account.guest.instance_id)
    connections: list[amqp.Connection] = []
    try:
        with pytest.raises((AMQPError, OSError)):
            while len(connections) <= broker.GUEST_LIMITS["max-connections"]:
                connections.append(connect(user, account.password))
        assert len(connections) == broker.GUEST_LIMITS["max-connections"]
    finally:
        for connection in connections:
            connection.collect()


def test_guest_reads_its_queue_and_reports(account: GuestAccount, channel: amqp.Channel) -> None:
    publish.send_to_guest(account.guest.instance_id, "sealed")
    with account.channel() as own:
        assert "sealed" in text_of(own.basic_get(guest_queue(account.guest.instance_id)))
        for key in (REPORT_ROUTING_KEY, HEARTBEAT_ROUTING_KEY):
            own.basic_publish(task_message("x"), exchange=CONDUCTOR_EXCHANGE, routing_key=key)
    assert queue_length(channel, CONDUCTOR_QUEUE) == queue_length(channel, HEARTBEAT_QUEUE) == 1


def text_of(message: amqp.Message | None) -> str:
    body = message.body if message else ""
    return body if isinstance(body, str) else bytes(body).decode()


def test_deleted_guest_is_cut_off_at_once(account: GuestAccount) -> None:
    instance_id = account.guest.instance_id
    with account.channel() as own:
        own.basic_consume(guest_queue(instance_id))
        broker.delete_guest(instance_id)
        with pytest.raises((AMQPError, OSError)):
            wait_until(lambda: own.connection.drain_events(timeout=10))
    with pytest.raises((AMQPError, OSError)), account.channel():
        pass
    assert instance_id not in broker.list_guests()
    broker.delete_guest(instance_id)  # again: nothing to do


def test_making_a_guest_again_keeps_its_messages_and_changes_its_password(account: GuestAccount) -> None:
    instance_id = account.guest.instance_id
    publish.send_to_guest(instance_id, "sealed")
    broker.ensure_guest(instance_id, Secret("another"))
    with pytest.raises((AMQPError, OSError)), account.channel():
        pass
    account.password = "another"
    with account.channel() as own:
        assert own.basic_get(guest_queue(instance_id)) is not None
    assert broker.list_guests() == {instance_id}


def test_missing_queue_is_not_found(account: GuestAccount, channel: amqp.Channel) -> None:
    broker.delete_guest(account.guest.instance_id)
    with pytest.raises(NotFound):
        channel.queue_declare(guest_queue(account.guest.instance_id), passive=True)
