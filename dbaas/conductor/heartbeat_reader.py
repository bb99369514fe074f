"""The thread of the conductor that reads the heartbeat queue, and the step that starts it with the worker."""

import threading
import time
from typing import Any, Final, cast

import amqp
from celery import bootsteps
from django.conf import settings
from django.db import close_old_connections, connections
from kombu import Connection

from dbaas.common.logs import get_logger
from dbaas.conductor import topology
from dbaas.conductor.heartbeats import MAX_HEARTBEAT_CHARS, HeartbeatIntake
from dbaas.worker import health
from guestagent.protocol.queues import HEARTBEAT_QUEUE

log = get_logger(__name__)

BATCH_SIZE: Final = 500
TICK_SECONDS: Final = 0.5
PAUSE_SECONDS: Final = 1.0
_SILENT_SECONDS: Final = 60.0  # a tick may wait for a lock of the database, but not longer
_STOP_SECONDS: Final = 5.0


class HeartbeatReader:
    """Reads, hands over and acknowledges batches until told to stop; outlives every outage.

    A batch that can't be handled is dropped, since each guest sends a newer beat within seconds.
    """

    def __init__(self, *, tick_seconds: float = TICK_SECONDS, batch_size: int = BATCH_SIZE) -> None:
        self._tick_seconds = tick_seconds
        self._batch_size = batch_size
        self._intake = HeartbeatIntake()
        self._batch: list[str] = []
        self._last_tag: int | None = None
        self._stopping = threading.Event()
        self._ticked_at = 0.0
        self._thread = threading.Thread(target=self._run, name="heartbeats", daemon=True)

    @property
    def is_well(self) -> bool:
        """True while the queue is being read."""
        return self._thread.is_alive() and time.monotonic() - self._ticked_at < _SILENT_SECONDS

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(_STOP_SECONDS)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._read()
            except Exception as error:  # whatever it is, the next connection starts afresh
                self._ticked_at = 0.0
                log.warning("heartbeat_reader_interrupted", error=type(error).__name__)
                self._stopping.wait(PAUSE_SECONDS)
        connections.close_all()

    def _read(self) -> None:
        self._batch, self._last_tag = [], None
        with Connection(settings.TRANSPORT_URL, connect_timeout=3, heartbeat=30) as connection:
            connection.connect()
            channel = cast("amqp.Channel", connection.channel())
            channel.basic_qos(0, self._batch_size, False)
            for queue in topology.plain_queues():
                if queue.name == HEARTBEAT_QUEUE:
                    queue(connection).declare()
            channel.basic_consume(HEARTBEAT_QUEUE, callback=self._on_delivery, on_cancel=_on_cancel)
            while not self._stopping.is_set():
                self._fill(connection)
                self._flush(channel)
                connection.heartbeat_check()
                self._ticked_at = time.monotonic()

    def _fill(self, connection: Connection) -> None:
        """Collect until the tick is over or the batch is full."""
        deadline = time.monotonic() + self._tick_seconds
        while len(self._batch) < self._batch_size and (left := deadline - time.monotonic()) > 0:
            try:
                connection.drain_events(timeout=left)
            except TimeoutError:
                return

    def _on_delivery(self, message: amqp.Message) -> None:
        self._last_tag = message.delivery_tag
        self._batch.append(_envelope_of(message))

    def _flush(self, channel: amqp.Channel) -> None:
        if self._last_tag is None:
            return
        batch, self._batch = self._batch, []
        close_old_connections()
        try:
            self._intake.take_in(batch)
        except Exception as error:  # the database is away, or a bug: newer beats follow either way
            log.warning("heartbeats_dropped", count=len(batch), error=type(error).__name__, exc_info=error)
            self._stopping.wait(PAUSE_SECONDS)
        finally:
            close_old_connections()
        channel.basic_ack(self._last_tag, multiple=True)
        self._last_tag = None


def _envelope_of(message: amqp.Message) -> str:
    """The body as text; "" for what can't be a beat: junk too fills a batch, and is refused with it."""
    body = message.body
    if len(body) > MAX_HEARTBEAT_CHARS:
        return ""
    return body if isinstance(body, str) else bytes(body).decode("ascii", errors="replace")


def _on_cancel(_consumer_tag: str) -> None:
    """The broker ends the consumer when the queue goes away; then connect again, which declares it again."""
    raise ConnectionError("the heartbeat queue went away")


class HeartbeatStep(bootsteps.StartStopStep):
    """Runs the reader beside the conductor's Celery worker, for the life of the process."""

    def __init__(self, parent: Any, **options: Any) -> None:
        self._reader: HeartbeatReader | None = None
        super().__init__(parent, **options)

    def start(self, parent: Any) -> None:
        self._reader = HeartbeatReader()
        self._reader.start()
        health.watch("heartbeats", lambda: self._reader is not None and self._reader.is_well)

    def stop(self, parent: Any) -> None:
        if self._reader:
            self._reader.stop()

    terminate = stop
