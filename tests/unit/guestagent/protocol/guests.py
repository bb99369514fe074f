"""A guest with keys of its own, and envelopes from it."""

import uuid
from dataclasses import dataclass, field
from typing import Any

from guestagent.protocol import crypto
from guestagent.protocol.envelope import Direction, Header, now_ms, seal
from guestagent.protocol.reports import Report, encode_report, kind_of


@dataclass
class FakeGuest:
    instance_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    instance_key: str = field(default_factory=crypto.generate_key)
    signing_secret: str = field(default_factory=crypto.generate_key)
    sequence: int = 0

    @property
    def signing_key(self) -> crypto.SigningKey:
        return crypto.SigningKey(self.signing_secret)

    @property
    def public_key(self) -> str:
        return self.signing_key.public

    def header(self, **changes: Any) -> Header:
        self.sequence += 1
        values: dict[str, Any] = {
            "direction": Direction.REPORT,
            "kind": "command_finished",
            "instance_id": self.instance_id,
            "message_id": str(uuid.uuid4()),
            "sequence": self.sequence,
            "sent_at_ms": now_ms(),
        }
        return Header(**(values | changes))

    def seal(self, report: Report, *, is_signed: bool = True, **changes: Any) -> str:
        """A sealed report; `changes` go into the header."""
        header = self.header(**({"kind": kind_of(report)} | changes))
        return self.seal_payload(header, encode_report(report), is_signed=is_signed)

    def seal_payload(self, header: Header, payload: bytes, *, is_signed: bool = True) -> str:
        signing_key = self.signing_key if is_signed else None
        return seal(header, payload, instance_key=self.instance_key, signing_key=signing_key)
