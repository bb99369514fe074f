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

PROJECT = "p" * 32
THREADS = 24  # a connection each: servers have a hundred or so, and are shared
SIZES = {"instances": 1, "ram": 512, "volumes": 2}


def act(action: str, number: int) -> str:
    holder = f"holder-{number}"
    try:
        if action == "reserve":
            quotas.reserve(project_id=PROJECT, holder=holder, deltas=SIZES)
        elif action == "settle":  # half of them are made, half fail; each is told twice
            for _ in range(2):
                (quotas.commit if number % 2 else quotas.release)(holder=holder)
        elif action == "release":
            quotas.release(holder=holder)
    except quotas.QuotaExceeded:
        return "exceeded"
    return "done"


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
