"""Finds what should be gone: processes, folders, queues, broker users, quota use, unfinished operations.

As a program (``python -m tests.e2e.leftovers``, in a control plane's environment) it prints what the
control database holds, as JSON.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import requests

_GUEST_PREFIXES = ("guestagent.", "guest-")


@dataclass(frozen=True, slots=True)
class ControlState:
    """`quota` is use and reservations that are not zero, ``<project>/<resource>`` → amount."""

    instances: list[str]
    unfinished: list[str]
    quota: dict[str, int]


def find(local_path: Path, env: Mapping[str, str], control: ControlState) -> dict[str, list[str]]:
    """All leftovers by kind, kinds without any left out. Call it when every instance is deleted."""
    found = {
        "processes": processes_below(local_path),
        "folders": [
            str(path) for kind in ("servers", "volumes", "networks") for path in _entries(local_path / kind)
        ],
        "broker": broker_names(env),
        "instances": control.instances,
        "unfinished operations": control.unfinished,
        "quota": [f"{name}: {amount}" for name, amount in control.quota.items()],
    }
    return {kind: things for kind, things in found.items() if things}


def processes_below(folder: Path) -> list[str]:
    """Processes whose command line or working directory names something of an instance."""
    marks = [f"{folder}/{kind}" for kind in ("servers", "volumes")]
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            text = " ".join(process.cmdline())
            if any(mark in text for mark in marks) or any(process.cwd().startswith(mark) for mark in marks):
                found.append(f"{process.pid} {text}")
    return found


def broker_names(env: Mapping[str, str]) -> list[str]:
    """Queues and users of guests in the stack's virtual host."""
    api = f"{env['RABBITMQ_MANAGEMENT_URL']}/api"
    host = urlsplit(env["TRANSPORT_URL"]).path[1:]
    queues = requests.get(f"{api}/queues/{host}", timeout=10).json()
    permissions = requests.get(f"{api}/vhosts/{host}/permissions", timeout=10).json()
    names = [queue["name"] for queue in queues] + [permission["user"] for permission in permissions]
    return [name for name in names if name.startswith(_GUEST_PREFIXES)]


def _entries(folder: Path) -> list[Path]:
    return [path for path in folder.glob("*") if not path.name.startswith(".")]


def control_state() -> ControlState:
    """What the control database holds; Django must be set up."""
    from dbaas.accounts.models import QuotaUsage
    from dbaas.taskmanager.models import FINAL, Operation
    from instances.models import Instance

    use = QuotaUsage.objects.exclude(in_use=0, reserved=0)
    return ControlState(
        instances=[str(pk) for pk in Instance.objects.filter(deleted_at=None).values_list("pk", flat=True)],
        unfinished=[
            f"{operation.kind} {operation.state} {operation.step}"
            for operation in Operation.objects.exclude(state__in=FINAL)
        ],
        quota={f"{line.project_id}/{line.resource}": line.in_use + line.reserved for line in use},
    )


if __name__ == "__main__":
    import django

    django.setup()
    print(json.dumps(asdict(control_state())))
