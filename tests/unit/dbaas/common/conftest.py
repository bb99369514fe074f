from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from tests.unit.dbaas.common.probe import EchoView

Send = Callable[..., Any]


@pytest.fixture
def send(settings: Settings) -> Iterator[Send]:
    """``send("POST", "/echo", b"…", **headers)`` to the probe API as project p1; limits are off."""
    settings.ROOT_URLCONF = "tests.unit.dbaas.common.probe"
    for verb in ("GET", "POST", "PUT", "DELETE"):
        setattr(settings, f"HTTP_{verb}_RATE", 0)
    EchoView.calls.clear()
    client = Client(raise_request_exception=False)

    def send(
        method: str,
        path: str,
        body: bytes = b"",
        *,
        content_type: str = "application/json",
        token: str | None = "p1",
        base: str = "/v1.0/p1",
        **headers: str,
    ) -> Any:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if token:
            sent["X-Auth-Token"] = token
        return client.generic(method, base + path, body, content_type=content_type, headers=sent)

    yield send
    EchoView.calls.clear()
