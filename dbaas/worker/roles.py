"""What makes a Celery worker a task manager or a conductor: its queue, its consumer, its size.

``DBAAS_ROLE`` names the role, so ``DBAAS_ROLE=conductor celery -A dbaas worker`` is all it takes.
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from celery import Celery, signals
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import close_old_connections

from dbaas.common.checks import require_safe_settings
from guestagent.protocol.queues import CONDUCTOR_QUEUE, TASKMANAGER_QUEUE


@dataclass(frozen=True, slots=True)
class Role:
    queue: str
    consumer: str
    concurrency: str  # names of settings
    metrics_port: str
    steps: tuple[str, ...] = ()
    packages: list[str] | None = None  # whose tasks it knows; None: everybody's


ROLES: Final[Mapping[str, Role]] = {
    "taskmanager": Role(
        queue=TASKMANAGER_QUEUE,
        consumer="dbaas.worker.consumer:LeanConsumer",
        concurrency="TASKMANAGER_CONCURRENCY",
        metrics_port="TASKMANAGER_METRICS_PORT",
    ),
    "conductor": Role(
        queue=CONDUCTOR_QUEUE,
        consumer="dbaas.conductor.consumer:ReportConsumer",
        concurrency="CONDUCTOR_CONCURRENCY",
        metrics_port="CONDUCTOR_METRICS_PORT",
        steps=("dbaas.conductor.heartbeat_reader:HeartbeatStep",),
        packages=["dbaas.conductor"],
    ),
}


def configure(app: Celery) -> None:
    """Give the application its role, or the means to refuse to be a worker without one."""
    role = ROLES.get(settings.DBAAS_ROLE)
    if role is None:
        app.autodiscover_tasks()
        signals.celeryd_init.connect(_refuse_to_work, weak=False)
        return
    app.autodiscover_tasks(role.packages)
    app.conf.update(
        worker_pool="threads",
        worker_concurrency=getattr(settings, role.concurrency),
        worker_consumer=role.consumer,
        worker_redirect_stdouts=False,
        dbaas_metrics_port=getattr(settings, role.metrics_port),
    )
    app.steps["worker"].update({"dbaas.worker.health:HealthStep", *role.steps})

    def consume_own_queue(**_: Any) -> None:
        app.amqp.queues.select([role.queue])

    signals.worker_init.connect(consume_own_queue, weak=False)
    signals.celeryd_init.connect(_refuse_unsafe_settings, weak=False)
    signals.setup_logging.connect(_keep_our_logging, weak=False)
    _keep_database_connections(app)


def _keep_database_connections(app: Celery) -> None:
    """Keep each thread's connection from task to task, minding its age and health as between requests.

    Celery would close it before and after each task.
    """
    app.conf["CELERY_DB_REUSE_MAX"] = sys.maxsize // 4
    signals.task_prerun.connect(_look_after_connections, weak=False)
    signals.task_postrun.connect(_look_after_connections, weak=False)


def _look_after_connections(**_: Any) -> None:
    close_old_connections()


def _keep_our_logging(**_: Any) -> None:
    """Having a receiver is what keeps Celery from installing its own handlers."""


def _refuse_unsafe_settings(**_: Any) -> None:
    try:
        require_safe_settings()
    except ImproperlyConfigured as error:
        raise SystemExit(str(error)) from error


def _refuse_to_work(**_: Any) -> None:
    """A worker without a role would read guests' messages without the conductor's precautions."""
    raise SystemExit(f"Set DBAAS_ROLE to the role of this worker: {' or '.join(ROLES)}.")
