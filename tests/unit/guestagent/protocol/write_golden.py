"""Writes the golden files that are missing: ``python -m tests.unit.guestagent.protocol.write_golden``."""

import json
from pathlib import Path
from typing import Any

import msgspec

from guestagent.protocol import commands, crypto, envelope, reports
from guestagent.protocol.envelope import Direction, Header
from tests.unit.guestagent.protocol.messages import COMMANDS, REPORTS

GOLDEN = Path(__file__).parent / "golden"


def write(name: str, content: Any) -> None:
    path = GOLDEN / name
    if not path.exists():
        path.write_text(json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False) + "\n")


def sealed(direction: Direction, kind: str, payload: bytes) -> dict[str, Any]:
    instance_key, signing_key = crypto.generate_key(), crypto.SigningKey(crypto.generate_key())
    header = Header(
        direction=direction,
        kind=kind,
        instance_id="6a1c9f0e-53c1-4c3e-9d0a-2f6f8f6f1b11",
        message_id="0d9c2d4e-8e0c-4b43-8a51-1f0d4a5f9a01",
        sequence=41,
        sent_at_ms=1_767_225_600_000,
        expires_at_ms=1_767_225_900_000,
        trace={"request_id": "req-1", "operation_id": "op-1", "project_id": "p-1"},
        reply=True,
    )
    return {
        "direction": direction.value,
        "instance_id": header.instance_id,
        "sent_at_ms": header.sent_at_ms,
        "header": json.loads(msgspec.json.encode(header)),
        "payload": payload.decode(),
        "instance_key": instance_key,
        "public_key": signing_key.public,
        "envelope": envelope.seal(header, payload, instance_key=instance_key, signing_key=signing_key),
    }


def main() -> None:
    write("commands.json", [json.loads(commands.encode_command(command)) for command in COMMANDS])
    write("reports.json", [json.loads(reports.encode_report(report)) for report in REPORTS])
    ping, finished = COMMANDS[0], REPORTS[1]
    write("command_v1.json", sealed(Direction.COMMAND, "ping", commands.encode_command(ping)))
    write("report_v1.json", sealed(Direction.REPORT, "command_finished", reports.encode_report(finished)))


if __name__ == "__main__":
    main()
