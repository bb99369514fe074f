"""Many threads that register the same host at once. Prints the outcomes and what is there then, as JSON.

python -m tests.integration.datastores.register_racer PARAMETERS_FOLDER
"""

import json
import sys
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import django

django.setup()

from django.db import connection  # noqa: E402

from datastores import standalone  # noqa: E402
from datastores.models import ConfigurationParameter, Datastore, DatastoreVersion, Flavor  # noqa: E402

THREADS = 8
HOST = {"mariadb": ["11.8", "10.11"], "mysql": ["8.4"]}


def main() -> None:
    line = threading.Barrier(THREADS)

    def register(_: int) -> int:
        line.wait(30)
        try:
            host = standalone.host_register(versions=HOST, parameters_of=Path(sys.argv[1]))
            return sum(entry.created for entry in host.versions)
        finally:
            connection.close()

    with ThreadPoolExecutor(THREADS) as pool:
        created = Counter(pool.map(register, range(THREADS)))
    there = {
        "created": sum(number * times for number, times in created.items()),
        "versions": sorted(str(version) for version in DatastoreVersion.objects.all()),
        "defaults": sorted(str(datastore.default_version) for datastore in Datastore.objects.all()),
        "parameters": ConfigurationParameter.objects.count(),
        "flavors": Flavor.objects.count(),
    }
    print(json.dumps(there))


main()
