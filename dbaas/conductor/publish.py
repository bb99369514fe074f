"""Handing a sealed message to the broker: at once, confirmed, or an error within seconds."""

import json
import os
import queue
import time
import uuid
from typing import Any, Final

import amqp
from amqp.exceptions import AMQPError, MessageNacked
from django.conf import settings
from kombu import Connection
from kombu.exceptions import KombuError

from dbaas.common.errors import NotFound, ServiceUnavailable
from dbaas.conductor.topology import RETRY_QUEUE
from guestagent.protocol.queues import GUEST_TASK, REPORT_TASK, guest_queue

CONNECT_TIMEOUT_SECONDS: Final = 1.5
CONFIRM_TIMEOUT_SECONDS: Final = 2.0
#: A link that lay idle for longer may be dead without knowing it, so a new one is made.
MAX_IDLE_SECONDS: Final = 30.0
MAX_IDLE_LINKS: Final = 8

_NO_ROUTE: Final = 312
_PERSISTENT: Final = 2
#: A nack is no AMQPError: amqp derives it from Exception.
_FAILED: Final = (OSError, AMQPError, KombuError, MessageNacked)


class GuestQueueMissing(NotFound):
    """The instance has no queue: it is not made yet, or deleted."""

    code = "guest_queue_missing"


def send_to_guest(instance_id: str, envelope: str) -> None:
    """Put a sealed command into the queue of this instance's guest.

    Returns when the broker has it. Raises GuestQueueMissing, or ServiceUnavailable when the broker is away,
    slow, or the queue is full; then the command may or may not have been taken, and sending it again is
    right: the guest knows a command by its id.
    """
    _publisher.publish(guest_queue(instance_id), _task_message(GUEST_TASK, envelope))


def send_to_retry(envelope: str, *, retries: int) -> None:
    """Let a report come back to the conductor in a few seconds. Errors as above."""
    _publisher.publish(RETRY_QUEUE, _task_message(REPORT_TASK, envelope, retries))


class Link:
    """One connection with one channel in confirm mode. Used by one thread at a time."""

    def __init__(self) -> None:
        options = {
            "confirm_publish": True,
            "read_timeout": CONFIRM_TIMEOUT_SECONDS,
            "write_timeout": CONFIRM_TIMEOUT_SECONDS,
        }
        broker = Connection(
            settings.TRANSPORT_URL, connect_timeout=CONNECT_TIMEOUT_SECONDS, transport_options=options
        )
        # The transport connects once and says so; kombu's own connect() tries again, with pauses.
        self._connection = broker.transport.establish_connection()
        self._channel = self._connection.channel()
        self.used_at = time.monotonic()

    @property
    def is_usable(self) -> bool:
        return bool(self._connection.connected) and time.monotonic() - self.used_at <= MAX_IDLE_SECONDS

    def publish(self, queue_name: str, message: amqp.Message) -> None:
        """Returns when the broker has the message; after an error the link must be dropped."""
        self._channel.basic_publish(
            message,
            exchange="",
            routing_key=queue_name,
            mandatory=True,
            confirm_timeout=CONFIRM_TIMEOUT_SECONDS,
        )
        self.used_at = time.monotonic()

    def drop(self) -> None:
        """Close the socket without a word: the broker may be gone, and politeness would wait for it."""
        self._connection.collect()


class Publisher:
    """Publishes from any thread, over a few links that wait here for their next use."""

    def __init__(self) -> None:
        self._forget()
        os.register_at_fork(after_in_child=self._forget)

    def publish(self, queue_name: str, message: amqp.Message) -> None:
        try:
            link = self._idle_link()
            if link is None or not self._is_sent(link, queue_name, message):
                link = Link()
                self._send(link, queue_name, message)
        except _FAILED as error:
            raise _translate(error, queue_name) from error
        try:
            self._idle.put_nowait(link)
        except queue.Full:
            link.drop()

    def _idle_link(self) -> Link | None:
        while True:
            try:
                link = self._idle.get_nowait()
            except queue.Empty:
                return None
            if link.is_usable:
                return link
            link.drop()

    def _is_sent(self, link: Link, queue_name: str, message: amqp.Message) -> bool:
        """False when the link turned out to be dead: the broker went and came while it lay idle."""
        try:
            self._send(link, queue_name, message)
        except TimeoutError:
            raise  # the broker is too slow to be asked twice
        except (OSError, AMQPError) as error:
            if _is_unroutable(error):
                raise
            return False
        return True

    def _send(self, link: Link, queue_name: str, message: amqp.Message) -> None:
        try:
            link.publish(queue_name, message)
        except BaseException:
            # Also after a refusal: the confirmation of a returned message is still on its way.
            link.drop()
            raise

    def _forget(self) -> None:
        """Start empty; in a forked child the links belong to its parent."""
        self._idle: queue.LifoQueue[Link] = queue.LifoQueue(MAX_IDLE_LINKS)


def _task_message(task: str, envelope: str, retries: int = 0) -> amqp.Message:
    """A call of a Celery task with one string, as Celery's message protocol 2 writes it."""
    task_id = str(uuid.uuid4())
    headers: dict[str, Any] = {
        "lang": "py",
        "task": task,
        "id": task_id,
        "root_id": task_id,
        "retries": retries,
        "argsrepr": "('<sealed>',)",
        "kwargsrepr": "{}",
        "ignore_result": True,
    }
    return amqp.Message(
        json.dumps([[envelope], {}, {}]),
        content_type="application/json",
        content_encoding="utf-8",
        correlation_id=task_id,
        delivery_mode=_PERSISTENT,
        application_headers=headers,
    )


def _is_unroutable(error: Exception) -> bool:
    return isinstance(error, AMQPError) and error.reply_code == _NO_ROUTE


def _translate(error: Exception, queue_name: str) -> NotFound | ServiceUnavailable:
    if _is_unroutable(error):
        return GuestQueueMissing(f"There is no queue {queue_name}.")
    if isinstance(error, MessageNacked):
        return ServiceUnavailable(f"The queue {queue_name} is full: its reader is away or far behind.")
    return ServiceUnavailable("The message broker can't be reached.")


_publisher = Publisher()
