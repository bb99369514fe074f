"""The agent's account at the broker: it may read one queue, write to one exchange and declare nothing."""

import ssl
from typing import Any, Final

import amqp
import kombu.exceptions
from celery import Celery
from kombu import Connection, Exchange, Producer

from guestagent.protocol import queues
from guestagent.reporter import BrokerUnavailable

CONNECT_SECONDS: Final = 4.0
_CONFIRM_SECONDS: Final = 10.0
#: A beat that waited longer says nothing about now.
_HEARTBEAT_EXPIRES_SECONDS: Final = 60.0
_ERRORS: Final = (OSError, amqp.exceptions.AMQPError, kombu.exceptions.KombuError)


def tls_options(broker_url: str) -> dict[str, Any] | bool:
    """For `broker_use_ssl`: an ``amqps://`` broker must show a certificate that this host trusts."""
    if not broker_url.startswith("amqps://"):
        return False
    return {"cert_reqs": ssl.CERT_REQUIRED, "ca_certs": ssl.get_default_verify_paths().cafile}


def connect(connection: Connection) -> None:
    """Connect now or fail now; when to try again is the caller's to decide. `connect()` would wait 2 s."""
    connection.ensure_connection(
        max_retries=1, interval_start=0, interval_step=0, reraise_as_library_errors=False
    )


class BrokerPublisher:
    """Publishes with confirmation on a connection of its own; used by one thread."""

    def __init__(self, app: Celery, *, heartbeat_seconds: float) -> None:
        self._app = app
        # The heartbeats of the guest are traffic enough to keep the connection's own timer content.
        self._amqp_heartbeat = max(30.0, heartbeat_seconds * 4)
        self._exchange = Exchange(queues.CONDUCTOR_EXCHANGE, no_declare=True)
        self._connection: Connection | None = None
        self._producer: Producer | None = None
        self._was_returned = False

    def publish_report(self, sealed: str) -> None:
        """Hand the conductor a task; raises BrokerUnavailable unless a queue has taken it."""
        message = self._app.amqp.as_task_v2(
            kombu.uuid(), queues.REPORT_TASK, args=(sealed,), argsrepr="", kwargsrepr="", ignore_result=True
        )
        self._publish(
            message.body,
            queues.REPORT_ROUTING_KEY,
            serializer="json",
            headers=message.headers,
            delivery_mode=2,
            **message.properties,
        )

    def publish_heartbeat(self, sealed: str) -> None:
        self._publish(
            sealed,
            queues.HEARTBEAT_ROUTING_KEY,
            content_type="text/plain",
            content_encoding="utf-8",
            delivery_mode=1,
            expiration=_HEARTBEAT_EXPIRES_SECONDS,
        )

    def close(self) -> None:
        connection, self._connection, self._producer = self._connection, None, None
        if connection is not None:
            # Politeness would wait for a broker that may be gone.
            connection.collect(socket_timeout=0.5)

    def _publish(self, body: Any, routing_key: str, **options: Any) -> None:
        try:
            producer = self._producer or self._connect()
            self._was_returned = False
            producer.publish(
                body,
                exchange=self._exchange,
                routing_key=routing_key,
                mandatory=True,
                declare=[],
                retry=False,
                timeout=_CONFIRM_SECONDS,
                confirm_timeout=_CONFIRM_SECONDS,
                **options,
            )
        except _ERRORS as error:
            self.close()
            raise BrokerUnavailable(f"{type(error).__name__}: {error}") from error
        if self._was_returned:
            raise BrokerUnavailable(f"no queue takes messages with the key {routing_key!r}")

    def _connect(self) -> Producer:
        self._connection = connection = self._app.connection_for_write(
            heartbeat=self._amqp_heartbeat, connect_timeout=CONNECT_SECONDS
        )
        connect(connection)
        self._producer = Producer(connection, auto_declare=False, on_return=self._on_return)
        return self._producer

    def _on_return(self, *_: object) -> None:
        self._was_returned = True
