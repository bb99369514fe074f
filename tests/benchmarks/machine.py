"""On what it was measured: without that, a figure says nothing."""

import os
import platform
import re
import subprocess
from importlib.metadata import version
from pathlib import Path

import psutil

from guestagent.system import programs

_PACKAGES = ("Django", "djangorestframework", "celery", "kombu", "gunicorn", "cryptography", "msgspec")
_GIB = 1024**3


def facts() -> dict[str, str]:
    """Machine, load and versions, as words."""
    load = ", ".join(f"{average:.1f}" for average in os.getloadavg())
    return {
        "processor": f"{_processor()}, {os.cpu_count()} cores",
        "memory": f"{psutil.virtual_memory().total / _GIB:.0f} GiB",
        "system": f"{platform.freedesktop_os_release().get('PRETTY_NAME', '')}, Linux {platform.release()}",
        "load at the start": load,
        "Python": platform.python_version(),
        "packages": ", ".join(f"{name} {version(name)}" for name in _PACKAGES),
        "MariaDB": _newest("mariadbd"),
        "PostgreSQL": _newest("postgres"),
        "RabbitMQ": _first_number("rabbitmqctl", "version"),
        "Redis": _first_number("redis-server", "--version"),
        "commit": _output("git", "rev-parse", "--short", "HEAD"),
    }


def _processor() -> str:
    found = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text())
    return found.group(1) if found else platform.machine()


def _newest(program: str) -> str:
    found = programs.find(program)
    return found[0].version if found else "not installed"


def _first_number(*command: str) -> str:
    found = re.search(r"\d+(\.\d+)+", _output(*command))
    return found.group() if found else "not installed"


def _output(*command: str) -> str:
    try:
        result = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    except OSError:
        return ""
    return result.stdout.strip()
