"""What DBAAS_ROLE makes of a Celery worker."""

import subprocess
import sys

import pytest

from tests.integration.dbaas.conductor.conftest import ROOT

pytestmark = pytest.mark.integration


def run(environment: dict[str, str], *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_worker_without_a_role_refuses_to_work(environment: dict[str, str]) -> None:
    result = run(environment, "-m", "celery", "-A", "dbaas", "worker")
    assert result.returncode != 0
    assert "DBAAS_ROLE" in result.stderr


QUESTION = """
import django; django.setup()
from dbaas.celery import app
app.loader.import_default_modules()
print(sorted(name for name in app.tasks if not name.startswith("celery.")), app.conf.worker_consumer)
"""


def test_conductor_knows_no_task_that_runs_operations(environment: dict[str, str]) -> None:
    result = run(environment | {"DBAAS_ROLE": "conductor"}, "-c", QUESTION)
    assert result.stdout.strip() == (
        "['conductor.purge', 'conductor.receive_report'] dbaas.conductor.consumer:ReportConsumer"
    )


def test_taskmanager_knows_them_all(environment: dict[str, str]) -> None:
    result = run(environment | {"DBAAS_ROLE": "taskmanager"}, "-c", QUESTION)
    assert "taskmanager.run_operation" in result.stdout
    assert "conductor.purge" in result.stdout


REUSE = """
import django; django.setup()
from celery.fixups.django import DjangoWorkerFixup
from django.db import connection
from dbaas.celery import app
fixup = DjangoWorkerFixup(app)
connection.ensure_connection()
before = connection.connection
for _ in range(10):
    fixup.close_database()
print(connection.connection is before)
"""


def test_database_connection_is_kept_from_task_to_task(environment: dict[str, str]) -> None:
    assert run(environment | {"DBAAS_ROLE": "taskmanager"}, "-c", REUSE).stdout.strip() == "True"
