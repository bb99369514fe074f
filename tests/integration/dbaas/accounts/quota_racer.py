"""One process of the quota race: many threads that each do one thing, all at once. Prints outcomes as JSON.

python -m tests.integration.dbaas.accounts.quota_racer ACTION FIRST LAST
"""

import json
import sys
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import django

django.setup()

from django.db import connection  # noqa: E402

from dbaas.accounts import quotas  # noqa: E402
from dbaas.accounts.caller import Caller  # noqa: E402
from dbaas.taskmanager import outbox  # noqa: E402
from instances.services.create import InstanceRequest, instance_create  # noqa: E402

outbox.publish = lambda task, args, queue: False  # no broker here: messages wait in the outbox
PROJECT = "p" * 32
THREADS = 24  # a connection each: servers have a hundred or so, and are shared
SIZES = {"instances": 1, "ram": 512, "volumes": 2}


def act(action: str, number: int) -> str:
    holder = f"holder-{number}"
    try:
        if action == "reserve":
            quotas.reserve(project_id=PROJECT, holder=holder, deltas=SIZES)
        elif action == "create":
            create(number)
        elif action == "settle":  # half of them are made, half fail; each is told twice
            for _ in range(2):
                (quotas.commit if number % 2 else quotas.release)(holder=holder)
        elif action == "release":
            quotas.release(holder=holder)
    except quotas.QuotaExceeded:
        return "exceeded"
    return "done"


def create(number: int) -> None:
    """A whole create as the API does it, up to the message, which waits in the outbox."""
    request = InstanceRequest(name=f"db-{number}", flavor_ref="racer", volume_size_gb=2, datastore="racer")
    caller = Caller(user_id="u", user_name="u", project_id=PROJECT)
    instance_create(caller=caller, request=request)


def main() -> None:
    action, first, last = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    numbers = range(first, last)
    line = threading.Barrier(min(THREADS, len(numbers)))

    def racer(number: int) -> str:
        if number - first < line.parties:
            line.wait(30)
        try:
            return act(action, number)
        finally:
            connection.close()

    with ThreadPoolExecutor(line.parties) as pool:
        outcomes = Counter(pool.map(racer, numbers))
    print(json.dumps(outcomes))


main()
