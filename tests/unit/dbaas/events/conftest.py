"""A project with clients, webhooks, and a real HTTP server that takes what they are sent."""

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from pytest_django import Settings
from rest_framework.test import APIClient

from dbaas.accounts import tokens
from dbaas.accounts.models import Project, RoleAssignment, User
from dbaas.events import services
from dbaas.events.models import Event, Webhook
from tests.unit.instances.conftest import alice, flavor, make_instance, sent, version

__all__ = ["alice", "flavor", "make_instance", "sent", "version"]

PROJECT = "1" * 32
Record = Callable[..., Event]


@pytest.fixture(autouse=True)
def no_rate_limits(settings: Settings) -> None:
    for verb in ("GET", "POST", "PUT", "DELETE"):
        setattr(settings, f"HTTP_{verb}_RATE", 0)


class Receiver:
    """Listens on loopback; answers with `status`, or as `answer(path)` says."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, dict[str, str], bytes]] = []
        self.status = 204
        self.headers: dict[str, str] = {}
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.requests.append((self.path, dict(self.headers.items()), body))
                self.send_response(receiver.status)
                for name, value in receiver.headers.items():
                    self.send_header(name, value)
                self.end_headers()

            def log_message(self, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}/hook"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02})
        self.thread.start()

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    running = Receiver()
    yield running
    running.stop()


@pytest.fixture
def private_allowed(settings: Settings) -> None:
    settings.WEBHOOKS_ALLOW_PRIVATE = True


@pytest.fixture
def webhook(db: None, receiver: Receiver, private_allowed: None) -> Webhook:
    made, _ = services.webhook_create(project_id=PROJECT, created_by="ann", url=receiver.url)
    made.deliveries.all().delete()  # it is told of its own creation
    return made


@pytest.fixture
def record(db: None) -> Record:
    def make(type: str = "instances.updated", resource_id: str = "i-1", **values: Any) -> Event:
        return services.event_record(
            **{"project_id": PROJECT, "type": type, "resource_type": "instance", "resource_id": resource_id}
            | values
        )

    return make


@pytest.fixture
def projects(db: None) -> dict[str, Project]:
    return {name: Project.objects.create(name=name) for name in ("alpha", "beta")}


@pytest.fixture
def api(projects: dict[str, Project]) -> Callable[..., APIClient]:
    def client(role: str = "member", project: str = "alpha") -> APIClient:
        user, _ = User.objects.get_or_create(name=f"{role}-of-{project}")
        RoleAssignment.objects.get_or_create(user=user, project=projects[project], role=role)
        token, _ = tokens.issue(user=user, project=projects[project], methods=["password"])
        return APIClient(headers={"X-Auth-Token": token.reveal()}, raise_request_exception=False)

    return client


@pytest.fixture
def base(projects: dict[str, Project]) -> str:
    return f"/v1.0/{projects['alpha'].pk}"
