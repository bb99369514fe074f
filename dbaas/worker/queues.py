"""The two queues that Celery workers of the control plane read."""

from typing import Final

from kombu import Exchange, Queue

from guestagent.protocol import queues

#: Guests report to it. They and we must agree on the name, so it is part of the protocol.
CONDUCTOR_EXCHANGE: Final = Exchange(queues.CONDUCTOR_EXCHANGE, type="direct", durable=True)
_QUORUM: Final = {"x-queue-type": "quorum"}


def task_queues() -> tuple[Queue, Queue]:
    """Declared with their type alone, which can never change; their limits are policies of the broker."""
    return (
        Queue(
            queues.TASKMANAGER_QUEUE,
            Exchange(queues.TASKMANAGER_QUEUE, type="direct", durable=True),
            routing_key=queues.TASKMANAGER_QUEUE,
            queue_arguments=dict(_QUORUM),
        ),
        Queue(
            queues.CONDUCTOR_QUEUE,
            CONDUCTOR_EXCHANGE,
            routing_key=queues.REPORT_ROUTING_KEY,
            queue_arguments=dict(_QUORUM),
        ),
    )
