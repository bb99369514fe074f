"""A plain Celery worker that answers with what it was sent: the reference for our round trip."""

import os

from celery import Celery

app = Celery("echo", broker=os.environ["ECHO_BROKER"], backend="rpc://", set_as_current=False, fixups=[])
app.conf.update(task_default_queue="echo", worker_hijack_root_logger=False)


@app.task(name="echo")
def echo(text: str) -> str:
    return text
