import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from guestagent import logs
from guestagent.protocol.commands import ChangePasswords, CreateUsers, UserPassword
from guestagent.protocol.secret import Secret
from guestagent.protocol.types import UserRef, UserSpec

SECRET = "correct horse"


class Lines:
    def __init__(self, formatter: logging.Formatter) -> None:
        self.stream = io.StringIO()
        self.log = logging.Logger("test")  # noqa: LOG001 - not one of the program's
        handler = logging.StreamHandler(self.stream)
        handler.setFormatter(formatter)
        self.log.addHandler(handler)

    def last(self) -> dict[str, Any]:
        line: dict[str, Any] = json.loads(self.stream.getvalue().splitlines()[-1])
        return line


@pytest.fixture
def lines() -> Iterator[Lines]:
    yield Lines(logs.JsonFormatter({"instance_id": "i", "project_id": "p"}))


def test_a_line_says_whose_and_which_requests_it_is(lines: Lines) -> None:
    with logs.bound({"request_id": "r"}):
        lines.log.warning("it %s", "happened", extra={"count": 3})
    line = lines.last()
    assert line["event"] == "it happened"
    assert line["level"] == "warning"
    assert (line["instance_id"], line["project_id"], line["request_id"], line["count"]) == ("i", "p", "r", 3)
    lines.log.warning("next")
    assert "request_id" not in lines.last()


def test_secrets_of_the_command_are_redacted_everywhere(lines: Lines) -> None:
    command = CreateUsers(users=(UserSpec(name="ann", password=Secret(SECRET)),))
    with logs.bound({}, logs.secrets_in(command)):
        try:
            int(SECRET)
        except ValueError:
            lines.log.exception("with %s", SECRET, extra={"statement": f"SET PASSWORD '{SECRET}'"})
    text = lines.stream.getvalue()
    assert SECRET not in text
    assert text.count("***") == 3


def test_secrets_are_found_wherever_they_are() -> None:
    command = ChangePasswords(changes=(UserPassword(user=UserRef(name="a"), password=Secret("one")),))
    assert logs.secrets_in(command) == {"one"}
    assert logs.secrets_in({"a": [Secret("two")], "b": (Secret("three"), 4)}) == {"two", "three"}
    assert logs.secrets_in("plain") == frozenset()


def test_short_secrets_do_not_blot_out_words(lines: Lines) -> None:
    with logs.bound({}, frozenset({"e"})):
        lines.log.warning("the event")
    assert lines.last()["event"] == "the event"


def test_a_longer_secret_is_hidden_whole(lines: Lines) -> None:
    with logs.bound({}, frozenset({"secret", "secret-and-more"})):
        lines.log.warning("secret-and-more")
    assert lines.last()["event"] == "***"


def test_what_is_no_json_is_shown_as_text_without_secrets(lines: Lines) -> None:
    with logs.bound({}, frozenset({SECRET})):
        lines.log.warning("x", extra={"thing": {"a", SECRET}})
    assert SECRET not in lines.stream.getvalue()


def test_the_readable_form_has_the_same(lines: Lines) -> None:
    readable = Lines(logs.LineFormatter({}))
    with logs.bound({"request_id": "r"}, frozenset({SECRET})):
        readable.log.warning("with %s", SECRET)
    assert "request_id=r" in readable.stream.getvalue()
    assert SECRET not in readable.stream.getvalue()
