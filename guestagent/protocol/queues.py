"""Names of queues, exchanges and tasks that both programs must agree on."""

from typing import Final

#: Operations to run; read by the task manager (quorum queue).
TASKMANAGER_QUEUE: Final = "taskmanager"
#: Reports from guests; read by the conductor (quorum queue).
CONDUCTOR_QUEUE: Final = "conductor"
#: Heartbeats from guests; read in batches by the conductor, newest kept, bounded.
HEARTBEAT_QUEUE: Final = "conductor.heartbeats"

#: The only exchange that a guest may write to; each key is bound to the queue of its kind.
CONDUCTOR_EXCHANGE: Final = "conductor"
REPORT_ROUTING_KEY: Final = "report"
HEARTBEAT_ROUTING_KEY: Final = "heartbeat"

#: Celery task names; each takes one string argument, the sealed envelope.
GUEST_TASK: Final = "guestagent.execute"
REPORT_TASK: Final = "conductor.receive_report"


def guest_queue(instance_id: str) -> str:
    """Name of the queue that only this instance's guest agent reads."""
    return f"guestagent.{instance_id}"
