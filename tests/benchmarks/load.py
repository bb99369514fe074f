"""Clients that send requests as fast as they are answered, each on a connection of its own."""

import http.client
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Load:
    rate: float  # requests a second
    milliseconds: list[float]  # that each took


def run(url: str, token: str, *, clients: int, seconds: float) -> Load:
    """Ask for `url` all the time. Raises AssertionError when a client got any answer but 200."""
    milliseconds: list[list[float]] = [[] for _ in range(clients)]
    started = time.perf_counter()
    with ThreadPoolExecutor(clients) as pool:
        asking = [pool.submit(_ask, url, token, started + seconds, samples) for samples in milliseconds]
    for client in asking:
        client.result()
    took = [sample for client in milliseconds for sample in client]
    return Load(len(took) / (time.perf_counter() - started), took)


def _ask(url: str, token: str, until: float, samples: list[float]) -> None:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)
    target = f"{parts.path}?{parts.query}" if parts.query else parts.path
    while (started := time.perf_counter()) < until:
        connection.request("GET", target, headers={"X-Auth-Token": token})
        answer = connection.getresponse()
        body = answer.read()
        assert answer.status == 200, f"{answer.status} {body[:200]!r}"
        samples.append((time.perf_counter() - started) * 1000)
    connection.close()
