"""The control plane's Celery application. The guest has one of its own and never imports this."""

from celery import Celery

app = Celery("dbaas", set_as_current=True)
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
