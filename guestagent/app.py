"""The Celery application of one guest: a worker that reads one queue, and declares and tells nothing."""

import logging
import os
import signal
import socket
import threading
from collections.abc import Callable
from typing import Any, Final

from celery import Celery
from celery.worker import WorkController, state
from celery.worker.consumer import Consumer
from kombu import Connection, Queue

from guestagent import broker
from guestagent.backoff import Backoff
from guestagent.protocol.guest_config import GuestConfig
from guestagent.protocol.queues import guest_queue

log = logging.getLogger(__name__)

_RECONNECT_FIRST_SECONDS: Final = 0.2
_RECONNECT_LONGEST_SECONDS: Final = 15.0
_QUIET_ATTEMPTS: Final = 10
_STOP_SECONDS: Final = 4.0


def build_app(config: GuestConfig) -> Celery:
    """The application, not made current: a test process may hold several, and the control plane's too."""
    url = config.broker_url.reveal()
    queue = guest_queue(config.instance_id)
    app = Celery("guestagent", set_as_current=False, fixups=[])
    app.conf.update(
        broker_url=url,
        broker_use_ssl=broker.tls_options(url),
        broker_connection_timeout=broker.CONNECT_SECONDS,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_channel_error_retry=True,
        broker_heartbeat=10,
        broker_pool_limit=0,
        broker_transport_options={"confirm_publish": True},
        task_queues=[Queue(queue, exchange="", routing_key=queue, no_declare=True)],
        task_default_queue=queue,
        task_create_missing_queues=False,
        task_ignore_result=True,
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        accept_content=["json"],
        worker_consumer=GuestConsumer,
        worker_prefetch_multiplier=1,
        worker_enable_remote_control=False,
        worker_send_task_events=False,
        worker_detect_quorum_queues=False,
        worker_disable_rate_limits=True,
        worker_hijack_root_logger=False,
    )
    return app


class Stopper:
    """Ends the worker from a signal handler, also while it waits for the broker or for a message."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self.reader, self._writer = socket.socketpair()
        self._writer.setblocking(False)

    def install(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self.stop)

    def stop(self, *_: object) -> None:
        # Whatever holds us up, a broker that does not answer say: what matters is in the journal.
        deadline = threading.Timer(_STOP_SECONDS, os._exit, (os.EX_OK,))
        deadline.daemon = True
        deadline.start()
        state.should_stop = os.EX_OK  # type: ignore[assignment]
        self._event.set()
        try:
            self._writer.send(b"\0")
        except OSError:  # full: it is awake anyway
            return

    def wait(self, seconds: float) -> None:
        self._event.wait(seconds)


class GuestConsumer(Consumer):
    """Celery's consumer, with its own patience: it tries again for ever, jittered, whatever was wrong."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._stopper: Stopper = kwargs["controller"].stopper
        self._backoff = Backoff(_RECONNECT_FIRST_SECONDS, _RECONNECT_LONGEST_SECONDS)
        self._attempts = 0

    def ensure_connected(self, conn: Connection) -> Connection:
        """Connect, or wait and connect. An account or a queue that is refused may be there in a while."""
        while True:
            if self._attempts:
                self._stopper.wait(self._backoff.next_seconds())
                state.maybe_shutdown()
            self._attempts += 1
            try:
                broker.connect(conn)
            except (*conn.connection_errors, *conn.channel_errors) as error:
                if self._attempts % _QUIET_ATTEMPTS == 1:
                    reason = f"{type(error).__name__}: {error}"
                    log.warning(
                        "the broker cannot be reached", extra={"reason": reason, "attempt": self._attempts}
                    )
            else:
                self.first_connection_attempt = False
                return conn

    def on_ready(self) -> None:
        super().on_ready()
        log.info("reading commands", extra={"attempts": self._attempts})
        # The connection may break right after: the next attempt still waits a little, jittered.
        self._backoff.reset()
        self._attempts = 1

    def call_soon_ack(self, p: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        """Acknowledge now. Left to kombu's loop it may wait for the next event, seconds later, and with it
        the next command: the loop goes to sleep without a look at what was put off while it was about to."""
        p(*args, **kwargs)

    def on_connection_error_after_connected(self, exc: BaseException) -> None:
        log.warning("the broker connection was lost", extra={"reason": f"{type(exc).__name__}: {exc}"})

    def register_with_event_loop(self, hub: Any) -> None:
        super().register_with_event_loop(hub)
        hub.add_reader(self._stopper.reader, lambda: None)


def run_worker(app: Celery, stopper: Stopper, *, on_started: Callable[[], None]) -> None:
    """Consume until `stopper` says so."""

    class Worker(WorkController):
        def __init__(self, **options: Any) -> None:
            self.stopper = stopper
            super().__init__(**options)

        def on_start(self) -> None:
            super().on_start()
            on_started()

    Worker(
        app=app,
        hostname=f"guestagent@{socket.gethostname()}",
        pool_cls="solo",
        concurrency=1,
        without_mingle=True,
        without_gossip=True,
        without_heartbeat=True,
        task_events=False,
    ).start()
