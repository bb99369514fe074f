"""One process of the race: threads that each send the same POST. Prints what they were answered, as JSON.

python -m tests.integration.dbaas.idempotency_racer PATH
"""

import json
import logging
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import django

django.setup()

from django.db import connection  # noqa: E402
from django.test import Client, override_settings  # noqa: E402
from django.test.utils import setup_test_environment  # noqa: E402

THREADS = 8


def main() -> None:
    path = sys.argv[1]
    line = threading.Barrier(THREADS)

    def send(_: int) -> tuple[int, str, bool]:
        headers = {"X-Auth-Token": "p1", "Idempotency-Key": "k1"}
        line.wait(timeout=60)
        try:
            answer = Client().post(path, b"{}", content_type="application/json", headers=headers)
        finally:
            connection.close()
        return answer.status_code, answer.content.decode(), "Idempotent-Replayed" in answer

    logging.disable(logging.INFO)
    setup_test_environment()
    with (
        override_settings(ROOT_URLCONF="tests.unit.dbaas.common.probe", HTTP_POST_RATE=0),
        ThreadPoolExecutor(THREADS) as pool,
    ):
        print(json.dumps(list(pool.map(send, range(THREADS)))))


main()
