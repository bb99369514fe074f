"""What benchmarks do inside the control plane: ``python -m tests.benchmarks.inside VERB …``, in its settings.

Prints JSON. Verbs: ``fill PROJECT COUNT`` (rows of instances), ``queries PATH TOKEN`` (how many a request
makes), ``ask INSTANCE COUNT`` (milliseconds that a guest's answer takes).
"""

import json
import sys
import time
from typing import Any

import django

django.setup()

from django.db import connection  # noqa: E402
from django.test import Client  # noqa: E402
from django.test.utils import CaptureQueriesContext  # noqa: E402

from datastores.models import DatastoreVersion, Flavor  # noqa: E402
from guestagent.protocol.commands import Ping  # noqa: E402
from guestagent.protocol.types import DatastoreStatus  # noqa: E402
from instances.guest import GuestClient  # noqa: E402
from instances.models import Guest, Instance, InstanceState  # noqa: E402


def fill(project_id: str, count: str) -> int:
    """Bring the project to `count` instances that look as if they ran."""
    missing = int(count) - Instance.objects.filter(project_id=project_id).count()
    version, flavor = DatastoreVersion.objects.all()[0], Flavor.objects.all()[0]
    made = Instance.objects.bulk_create(
        Instance(
            project_id=project_id, name=f"row-{number}", state=InstanceState.ACTIVE,
            datastore_version=version, flavor=flavor, volume_size_gb=1,
            addresses=[{"address": "127.0.0.1", "type": "private", "network": "n"}],
        )
        for number in range(missing)
    )  # fmt: skip
    healthy = DatastoreStatus.HEALTHY.value
    Guest.objects.bulk_create(
        Guest(instance=instance, public_key="", wrapped_key="", datastore_status=healthy,
              volume_used_bytes=1, volume_total_bytes=2)
        for instance in made
    )  # fmt: skip
    return len(made)


def queries(path: str, token: str) -> int:
    client = Client(headers={"X-Auth-Token": token}, SERVER_NAME="localhost")
    assert client.get(path).status_code == 200
    with CaptureQueriesContext(connection) as captured:
        client.get(path)
    return len(captured)


def ask(instance_id: str, count: str) -> list[float]:
    guest = GuestClient(Instance.objects.select_related("guest").get(pk=instance_id))
    guest.ask(Ping(), timeout_seconds=15)  # connects
    milliseconds = []
    for _ in range(int(count)):
        started = time.perf_counter()
        guest.ask(Ping(), timeout_seconds=15)
        milliseconds.append((time.perf_counter() - started) * 1000)
    return milliseconds


def main(verb: str, *arguments: str) -> None:
    verbs: dict[str, Any] = {"fill": fill, "queries": queries, "ask": ask}
    # The settings' own log goes to the standard output too: ours is the last line.
    print(json.dumps(verbs[verb](*arguments)))


if __name__ == "__main__":
    main(*sys.argv[1:])
