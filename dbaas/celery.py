"""The control plane's Celery application. The guest has one of its own and never imports this."""

from celery import Celery

from dbaas.worker import roles
from dbaas.worker.queues import task_queues

app = Celery("dbaas", set_as_current=True)
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.task_queues = task_queues()
roles.configure(app)
