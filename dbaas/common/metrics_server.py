"""``/metrics`` and ``/healthz`` of a worker process that has no web server of its own."""

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from django.db import close_old_connections, connections

from dbaas.common import metrics

Health = Callable[[], tuple[bool, dict[str, str]]]


def serve(host: str, port: int, health: Health) -> ThreadingHTTPServer:
    """Start answering in a background thread; `health` says (is it well, details). End: ``shutdown()``."""

    class Handler(BaseHTTPRequestHandler):
        timeout = 5

        def do_GET(self) -> None:
            if self.path == "/metrics":
                body, content_type = metrics.exposition()
                self._answer(200, content_type, body)
            elif self.path == "/healthz":
                is_well, details = health()
                self._answer(200 if is_well else 503, "application/json", json.dumps(details).encode())
            else:
                self._answer(404, "application/json", b"{}")

        def _answer(self, status: int, content_type: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def finish(self) -> None:
            super().finish()
            close_old_connections()
            connections.close_all()

        def log_message(self, format: str, *args: object) -> None:
            """Quiet: a scrape every few seconds is no news."""

    server = ThreadingHTTPServer((host, port), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()
    return server
