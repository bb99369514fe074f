"""The wire format is pinned: these files are what agents in the field send and understand.

A failing test means that an agent of the last release and the control plane of this one can't talk. Add
fields with defaults; never change or remove what is here. To pin a *new* message, write the missing file
with ``python -m tests.unit.guestagent.protocol.write_golden``, which never touches one that exists.
"""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from guestagent.protocol import commands, envelope, reports
from guestagent.protocol.envelope import Direction
from tests.unit.guestagent.protocol.messages import COMMANDS, REPORTS

GOLDEN = Path(__file__).parent / "golden"


def read(name: str) -> Any:
    return json.loads((GOLDEN / name).read_text())


@pytest.mark.parametrize("index", range(len(COMMANDS)), ids=lambda index: commands.kind_of(COMMANDS[index]))
def test_commands_are_written_and_read_as_ever(index: int) -> None:
    pinned = read("commands.json")[index]
    assert json.loads(commands.encode_command(COMMANDS[index])) == pinned
    assert commands.decode_command(json.dumps(pinned).encode()) == COMMANDS[index]


@pytest.mark.parametrize("index", range(len(REPORTS)))
def test_reports_are_written_and_read_as_ever(index: int) -> None:
    pinned = read("reports.json")[index]
    assert json.loads(reports.encode_report(REPORTS[index])) == pinned
    assert reports.decode_report(json.dumps(pinned).encode()) == REPORTS[index]


def test_every_message_is_pinned() -> None:
    pinned = {message["kind"] for message in (*read("commands.json"), *read("reports.json"))}
    known = {
        kind.__struct_config__.tag
        for union in (commands.AnyCommand, reports.AnyReport)
        for kind in union.__args__
    }
    assert pinned == known


@pytest.mark.parametrize("name", ["command_v1.json", "report_v1.json"])
def test_envelopes_of_the_field_open(name: str) -> None:
    pinned = read(name)
    opened = envelope.open_envelope(
        pinned["envelope"],
        direction=Direction(pinned["direction"]),
        instance_id=pinned["instance_id"],
        key_for=lambda _: pinned["instance_key"],
        public_key_for=lambda _: pinned["public_key"],
        max_age_seconds=10,
        now=lambda: pinned["sent_at_ms"],
    )
    assert opened.payload.decode() == pinned["payload"]
    assert json.loads(msgspec.json.encode(opened.header)) == pinned["header"]


def test_unknown_fields_are_ignored() -> None:
    newer = b'{"kind": "delete_database", "name": "one", "cascade": true}'
    assert commands.decode_command(newer) == commands.DeleteDatabase(name="one")


@pytest.mark.parametrize(
    "payload", [b'{"kind": "explode"}', b"{}", b"[]", b"", b'{"kind": "delete_database"}']
)
def test_unknown_or_unfit_messages_are_refused(payload: bytes) -> None:
    with pytest.raises(msgspec.MsgspecError):
        commands.decode_command(payload)
