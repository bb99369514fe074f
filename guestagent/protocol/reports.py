"""What a guest tells the control plane, one struct per report, in the past tense.

Reports carry no secrets and no project, instance or operation ids of their own: whose report it is follows
from the key that opened the envelope, never from a field.
"""

import enum
from typing import Any

import msgspec

from guestagent.protocol.types import DatastoreStatus


class Outcome(enum.StrEnum):
    SUCCEEDED = "succeeded"
    FAILED = "failed"  # tried, and it did not work
    REFUSED = "refused"  # not tried: unknown kind, too old, not possible in this state


class Report(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind"):
    """Base of all reports."""


class Heartbeat(Report, tag="heartbeat", frozen=True, kw_only=True):
    """Sent every few seconds and at once when the status changes."""

    datastore_status: DatastoreStatus
    agent_version: str
    engine_version: str | None = None
    volume_used_bytes: int | None = None
    volume_total_bytes: int | None = None


class CommandFinished(Report, tag="command_finished", frozen=True, kw_only=True):
    """The one outcome of a command. Sent again, unchanged, when the command is delivered again."""

    command_id: str
    outcome: Outcome
    result: Any = None  # JSON values, shaped as the command's docstring says
    error_code: str | None = None
    error_message: str | None = None


class CommandProgressed(Report, tag="command_progressed", frozen=True, kw_only=True):
    command_id: str
    percent: float
    message: str = ""


AnyReport = Heartbeat | CommandFinished | CommandProgressed

_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[AnyReport] = msgspec.json.Decoder(AnyReport)


def kind_of(report: Report) -> str:
    return str(type(report).__struct_config__.tag)


def encode_report(report: Report) -> bytes:
    return _encoder.encode(report)


def decode_report(payload: bytes) -> AnyReport:
    """Raises msgspec.ValidationError for an unknown kind or a field of the wrong type."""
    return _decoder.decode(payload)
