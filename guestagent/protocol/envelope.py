"""Sealed messages between control plane and guest.

An envelope is one ASCII string of four parts joined by dots::

    v1 . base64(header) . base64(nonce + AES-256-GCM ciphertext + tag) . base64(Ed25519 signature) or empty

The header is readable by anybody (it routes and numbers the message) and is associated data of the
encryption together with the version, so that no part of it can be changed. The encryption key is derived
from the instance's own key, one per direction. The signature covers all that stands before it.

Opening fails closed: every way in which a message can be wrong raises `EnvelopeRefused` with a reason that
can be counted, and there is no plaintext to fall back to.
"""

import enum
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import msgspec

from guestagent.protocol import crypto
from guestagent.protocol.version import OLDEST_READABLE, PROTOCOL_VERSION

MAX_ENVELOPE_CHARS: Final = 4 * 1024 * 1024
#: Clocks of guests may be off by this much into the future.
MAX_CLOCK_SKEW_SECONDS: Final = 60.0


class Direction(enum.StrEnum):
    COMMAND = "command"
    REPORT = "report"


class Refusal(enum.StrEnum):
    """Why an envelope was refused; the label of the refusal counter."""

    MALFORMED = "malformed"
    VERSION = "version"
    DIRECTION = "direction"
    UNKNOWN_INSTANCE = "unknown_instance"  # no key
    WRONG_INSTANCE = "wrong_instance"  # addressed to somebody else
    TAG = "tag"  # wrong key or changed bytes
    SIGNATURE = "signature"
    UNSIGNED = "unsigned"
    EXPIRED = "expired"
    FROM_THE_FUTURE = "from_the_future"
    REPLAY = "replay"
    KIND = "kind"  # the payload is not of the kind that the header names


class EnvelopeRefused(Exception):
    """The message was not opened. `reason` is for counters, the text for the log; neither holds payload."""

    def __init__(self, reason: Refusal, detail: str = "") -> None:
        super().__init__(f"{reason.value}: {detail}" if detail else reason.value)
        self.reason = reason


class Header(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    rename={
        "version": "v",
        "direction": "d",
        "kind": "k",
        "instance_id": "i",
        "message_id": "m",
        "sequence": "s",
        "sent_at_ms": "t",
        "expires_at_ms": "x",
        "trace": "r",
        "reply": "q",
    },
):
    """Clear-text head of a message; authenticated, not secret."""

    version: int = PROTOCOL_VERSION
    direction: Direction
    kind: str
    instance_id: str
    message_id: str
    sequence: int
    sent_at_ms: int
    expires_at_ms: int = 0  # 0: judged by age alone
    trace: dict[str, str] = {}  # request_id, operation_id, project_id: for logs
    reply: bool = False  # somebody waits in the inbox for the outcome


@dataclass(frozen=True, slots=True)
class Opened:
    header: Header
    payload: bytes


_encode_header = msgspec.json.Encoder().encode
_decode_header = msgspec.json.Decoder(Header).decode


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def seal(header: Header, payload: bytes, *, instance_key: str, signing_key: crypto.SigningKey | None) -> str:
    """Encrypt `payload` under the instance's key and sign it. Only heartbeats may go without a signature."""
    head = f"v{header.version}.{crypto.b64encode(_encode_header(header))}"
    key = crypto.derive_key(crypto.parse_key(instance_key), header.direction.value)
    body = f"{head}.{crypto.b64encode(crypto.encrypt(key, payload, head.encode()))}"
    signature = crypto.b64encode(signing_key.sign(body.encode())) if signing_key else ""
    return f"{body}.{signature}"


def peek(envelope: str) -> Header:
    """The header, unverified: only for finding the key to open the rest with."""
    if not isinstance(envelope, str) or len(envelope) > MAX_ENVELOPE_CHARS:
        raise EnvelopeRefused(Refusal.MALFORMED, "not a string of acceptable length")
    parts = envelope.split(".")
    if len(parts) != 4:
        raise EnvelopeRefused(Refusal.MALFORMED, "not four parts")
    try:
        header = _decode_header(crypto.b64decode(parts[1]))
    except (ValueError, msgspec.MsgspecError, RecursionError) as error:
        raise EnvelopeRefused(Refusal.MALFORMED, "unreadable header") from error
    if parts[0] != f"v{header.version}" or not OLDEST_READABLE <= header.version <= PROTOCOL_VERSION:
        raise EnvelopeRefused(Refusal.VERSION, parts[0][:8])
    return header


def open_envelope(
    envelope: str,
    *,
    direction: Direction,
    instance_id: str | None,
    key_for: Callable[[str], str | None],
    public_key_for: Callable[[str], str | None],
    unsigned_kinds: frozenset[str] = frozenset(),
    max_age_seconds: float,
    now: Callable[[], int] = now_ms,
) -> Opened:
    """Verify and decrypt. Raises `EnvelopeRefused`, never anything else.

    `instance_id` is whose envelope it must be; None when the caller serves all of them, as the conductor
    does. `key_for` and `public_key_for` give the instance's key and the sender's public key, or None.
    Replays are for the caller to find, by message id or sequence: it has the memory for it.
    """
    header = peek(envelope)
    if header.direction is not direction:
        raise EnvelopeRefused(Refusal.DIRECTION)
    if instance_id is not None and header.instance_id != instance_id:
        raise EnvelopeRefused(Refusal.WRONG_INSTANCE)
    key = key_for(header.instance_id)
    if key is None:
        raise EnvelopeRefused(Refusal.UNKNOWN_INSTANCE)
    version, head, body, signature = envelope.split(".")
    payload = _decrypt(key, direction, f"{version}.{head}", body)
    if header.kind not in unsigned_kinds or signature:
        _check_signature(public_key_for(header.instance_id), signature, f"{version}.{head}.{body}".encode())
    _check_time(header, max_age_seconds, now())
    return Opened(header, payload)


def _decrypt(key: str, direction: Direction, head: str, body: str) -> bytes:
    try:
        derived = crypto.derive_key(crypto.parse_key(key), direction.value)
        return crypto.decrypt(derived, crypto.b64decode(body), head.encode())
    except ValueError as error:
        raise EnvelopeRefused(Refusal.TAG) from error


def _check_signature(public_key: str | None, signature: str, signed: bytes) -> None:
    if not signature or public_key is None:
        raise EnvelopeRefused(Refusal.UNSIGNED)
    try:
        raw = crypto.b64decode(signature)
    except ValueError as error:
        raise EnvelopeRefused(Refusal.SIGNATURE) from error
    if not crypto.verify(public_key, raw, signed):
        raise EnvelopeRefused(Refusal.SIGNATURE)


def _check_time(header: Header, max_age_seconds: float, now: int) -> None:
    age_ms = now - header.sent_at_ms
    if age_ms > max_age_seconds * 1000 or 0 < header.expires_at_ms < now:
        raise EnvelopeRefused(Refusal.EXPIRED)
    if age_ms < -MAX_CLOCK_SKEW_SECONDS * 1000:
        raise EnvelopeRefused(Refusal.FROM_THE_FUTURE)
