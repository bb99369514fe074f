import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
LIST_MODULES = """
import sys
import guestagent.__main__, guestagent.app
from celery import Celery
Celery("probe", set_as_current=False).loader.import_default_modules()
from celery.worker import consumer
from celery.concurrency import solo
print(*sys.modules)
"""


def test_the_agent_loads_neither_django_nor_what_is_heavy() -> None:
    """Even where the control plane is installed beside it and its settings are in the environment."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "DJANGO_SETTINGS_MODULE": "dbaas.settings.test"}
    found = subprocess.run(
        [sys.executable, "-c", LIST_MODULES],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout.split()
    packages = {name.partition(".")[0] for name in found}
    assert "django.db" not in found
    assert not packages & {"dbaas", "instances", "structlog", "requests", "openstack", "rich", "asyncio"}
