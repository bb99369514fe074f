"""Readiness is answered in bounded time whatever the parts do; workers show theirs on a port of their own."""

import threading
import urllib.error
import urllib.request

import pytest
from prometheus_client.core import Metric

from dbaas.common import health, metrics, metrics_server


def test_each_part_answers_for_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "DEADLINE_SECONDS", 0.2)
    released = threading.Event()

    def silent() -> str:
        released.wait(30)
        return "ok"

    def broken() -> str:
        raise ConnectionRefusedError("amqp://user:secret@host")

    try:
        answers = health.readiness({"silent": silent, "well": lambda: "ok", "broken": broken})
    finally:
        released.set()
    assert answers == {"silent": "no answer in time", "well": "ok", "broken": "cannot be reached"}


def fetch(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


@pytest.mark.django_db
def test_worker_shows_metrics_and_health() -> None:
    state = {"broker": "ok"}
    server = metrics_server.serve("127.0.0.1", 0, lambda: (state["broker"] == "ok", state))
    url = f"http://127.0.0.1:{server.server_port}"
    try:
        assert fetch(f"{url}/healthz") == (200, '{"broker": "ok"}')
        state["broker"] = "lost"
        assert fetch(f"{url}/healthz") == (503, '{"broker": "lost"}')
        status, text = fetch(f"{url}/metrics")
        assert status == 200
        assert "dbaas_http_request_seconds" in text
        assert fetch(f"{url}/elsewhere")[0] == 404
    finally:
        server.shutdown()
        server.server_close()


def test_broken_collector_hides_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "_collectors", [])

    def broken() -> list[Metric]:
        raise RuntimeError("no such table")

    metrics.register_collector(broken)
    metrics.register_collector(lambda: [metrics.gauge("dbaas_things", "Things.", "state", [("new", 3)])])
    text = metrics.exposition()[0].decode()
    assert 'dbaas_things{state="new"} 3.0' in text
