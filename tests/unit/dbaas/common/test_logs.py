"""Nothing secret gets through, whichever way it is logged."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings

from dbaas.common import context, logs
from guestagent.protocol.secret import Secret

SECRET = "hunter2-very-secret"


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> Iterator[Any]:
    logs.configure({"format": "json", "level": "INFO"})
    stream = io.StringIO()
    (handler,) = [h for h in logging.getLogger().handlers if type(h) is logging.StreamHandler]
    handler.setStream(stream)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    logs.configure(settings.LOGGING)


def test_secrets_are_hidden(lines: Any) -> None:
    log = logs.get_logger("test")
    log.info(
        "made",
        password=SECRET,
        user={"db_password": SECRET, "x": [{"auth_token": SECRET}]},
        value=Secret(SECRET),
    )
    log.info("connect", url=f"amqp://user:{SECRET}@host/vhost", text=f"failed: password={SECRET}, try again")
    logging.getLogger("other").warning("X-Auth-Token: %s", SECRET)
    logging.getLogger("other").warning("headers %s", {"X-Auth-Token": SECRET})
    logging.getLogger("other").warning("the secret is %s", Secret(SECRET))
    try:
        int(f"mysql://root:{SECRET}@db/")
    except ValueError:
        log.exception("broken")
    found = lines()
    assert len(found) == 6
    assert SECRET not in json.dumps(found)
    assert "ValueError" in found[-1]["exception"]


def test_context_is_in_every_line(lines: Any) -> None:
    with context.bound(request_id="req-1", project_id="p1", instance_id=""):
        logging.getLogger("other").info("from the standard library")
        logs.get_logger("test").info("ours", seconds=3)
        assert context.current_request_id() == "req-1"
    assert context.current_request_id() == ""
    for line in lines():
        assert (line["request_id"], line["project_id"], line["level"]) == ("req-1", "p1", "info")
        assert "instance_id" not in line
    assert lines()[1] | {"event": "ours", "seconds": 3} == lines()[1]


def test_cyclic_and_deep_values_end(lines: Any) -> None:
    deep: dict[str, Any] = {}
    deep["self"] = deep
    logs.get_logger("test").info("deep", value=deep)
    assert len(lines()) == 1
