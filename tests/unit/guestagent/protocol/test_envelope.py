"""Opening fails closed: one test for each way in which a message can be wrong."""

from typing import Any

import pytest

from guestagent.protocol import crypto
from guestagent.protocol.envelope import (
    MAX_CLOCK_SKEW_SECONDS,
    MAX_ENVELOPE_CHARS,
    Direction,
    EnvelopeRefused,
    Opened,
    Refusal,
    now_ms,
    open_envelope,
    seal,
)
from tests.unit.guestagent.protocol.guests import FakeGuest

PAYLOAD = b'{"kind": "command_finished", "secret": "hunter2"}'


@pytest.fixture
def guest() -> FakeGuest:
    return FakeGuest()


def opened(guest: FakeGuest, envelope: Any, **changes: Any) -> Opened:
    values: dict[str, Any] = {
        "direction": Direction.REPORT,
        "instance_id": guest.instance_id,
        "key_for": lambda _: guest.instance_key,
        "public_key_for": lambda _: guest.public_key,
        "max_age_seconds": 60.0,
    }
    return open_envelope(envelope, **(values | changes))


def refused(guest: FakeGuest, envelope: Any, **changes: Any) -> Refusal:
    with pytest.raises(EnvelopeRefused) as refusal:
        opened(guest, envelope, **changes)
    assert "hunter2" not in str(refusal.value)
    return refusal.value.reason


def test_what_was_sealed_is_opened(guest: FakeGuest) -> None:
    header = guest.header(reply=True, trace={"request_id": "req-1"})
    result = opened(guest, guest.seal_payload(header, PAYLOAD))
    assert (result.header, result.payload) == (header, PAYLOAD)


def test_payload_cannot_be_read_without_the_key(guest: FakeGuest) -> None:
    sealed = guest.seal_payload(guest.header(), PAYLOAD)
    clear = b"".join(crypto.b64decode(part) for part in sealed.split(".")[1:])
    assert b"hunter2" not in clear


@pytest.mark.parametrize(
    "junk",
    ["", "....", "v1", "v1.e30.x.y", "v1.!!!.AA.AA", 7, None, "v1." + "A" * MAX_ENVELOPE_CHARS + ".A.A"],
)
def test_junk_is_malformed(guest: FakeGuest, junk: Any) -> None:
    assert refused(guest, junk) is Refusal.MALFORMED


def test_unknown_version_is_refused(guest: FakeGuest) -> None:
    assert refused(guest, guest.seal_payload(guest.header(version=99), PAYLOAD)) is Refusal.VERSION


def test_version_of_prefix_and_header_must_agree(guest: FakeGuest) -> None:
    sealed = guest.seal_payload(guest.header(), PAYLOAD)
    assert refused(guest, "v0" + sealed[2:]) is Refusal.VERSION


def test_message_of_the_other_direction_is_refused(guest: FakeGuest) -> None:
    sealed = guest.seal_payload(guest.header(direction=Direction.COMMAND), PAYLOAD)
    assert refused(guest, sealed) is Refusal.DIRECTION


def test_unknown_instance_is_refused(guest: FakeGuest) -> None:
    sealed = guest.seal_payload(guest.header(), PAYLOAD)
    assert refused(guest, sealed, key_for=lambda _: None) is Refusal.UNKNOWN_INSTANCE


def test_message_for_another_instance_is_refused(guest: FakeGuest) -> None:
    sealed = guest.seal_payload(guest.header(instance_id="somebody-else"), PAYLOAD)
    assert refused(guest, sealed) is Refusal.WRONG_INSTANCE


def test_wrong_key_is_refused(guest: FakeGuest) -> None:
    sealed = guest.seal_payload(guest.header(), PAYLOAD)
    assert refused(guest, sealed, key_for=lambda _: crypto.generate_key()) is Refusal.TAG


def test_malformed_key_is_refused_not_raised(guest: FakeGuest) -> None:
    sealed = guest.seal_payload(guest.header(), PAYLOAD)
    assert refused(guest, sealed, key_for=lambda _: "not a key") is Refusal.TAG


@pytest.mark.parametrize("part", [1, 2, 3])
def test_changed_bytes_are_refused(guest: FakeGuest, part: int) -> None:
    parts = guest.seal_payload(guest.header(), PAYLOAD).split(".")
    raw = bytearray(crypto.b64decode(parts[part]))
    raw[len(raw) // 2] ^= 1
    parts[part] = crypto.b64encode(bytes(raw))
    assert (
        refused(guest, ".".join(parts))
        in {
            1: {Refusal.TAG, Refusal.MALFORMED, Refusal.DIRECTION, Refusal.WRONG_INSTANCE, Refusal.VERSION},
            2: {Refusal.TAG},
            3: {Refusal.SIGNATURE},
        }[part]
    )


def test_header_of_another_message_is_refused(guest: FakeGuest) -> None:
    first, second = (guest.seal_payload(guest.header(), PAYLOAD).split(".") for _ in range(2))
    assert refused(guest, ".".join([first[0], first[1], second[2], second[3]])) is Refusal.TAG


def test_signature_of_somebody_else_is_refused(guest: FakeGuest) -> None:
    # Whoever holds the instance's key (the control plane does) still can't speak for the guest.
    forged = seal(
        guest.header(), PAYLOAD, instance_key=guest.instance_key,
        signing_key=crypto.SigningKey(crypto.generate_key()),
    )  # fmt: skip
    assert refused(guest, forged) is Refusal.SIGNATURE


def test_signature_is_needed(guest: FakeGuest) -> None:
    sealed = guest.seal_payload(guest.header(), PAYLOAD, is_signed=False)
    assert refused(guest, sealed) is Refusal.UNSIGNED


def test_no_public_key_is_as_no_signature(guest: FakeGuest) -> None:
    sealed = guest.seal_payload(guest.header(), PAYLOAD)
    assert refused(guest, sealed, public_key_for=lambda _: None) is Refusal.UNSIGNED


def test_heartbeats_may_go_unsigned_but_not_wrongly_signed(guest: FakeGuest) -> None:
    kinds = frozenset({"heartbeat"})
    unsigned = guest.seal_payload(guest.header(kind="heartbeat"), PAYLOAD, is_signed=False)
    assert opened(guest, unsigned, unsigned_kinds=kinds).payload == PAYLOAD
    wrong = unsigned + crypto.b64encode(bytes(64))
    assert refused(guest, wrong, unsigned_kinds=kinds) is Refusal.SIGNATURE


def test_old_message_is_refused(guest: FakeGuest) -> None:
    sealed = guest.seal_payload(guest.header(sent_at_ms=now_ms() - 60_001), PAYLOAD)
    assert refused(guest, sealed) is Refusal.EXPIRED


def test_expired_message_is_refused(guest: FakeGuest) -> None:
    sealed = guest.seal_payload(guest.header(expires_at_ms=now_ms() - 1), PAYLOAD)
    assert refused(guest, sealed) is Refusal.EXPIRED


def test_message_from_the_future_is_refused(guest: FakeGuest) -> None:
    future = now_ms() + int(MAX_CLOCK_SKEW_SECONDS * 1000) + 60_000
    sealed = guest.seal_payload(guest.header(sent_at_ms=future), PAYLOAD)
    assert refused(guest, sealed) is Refusal.FROM_THE_FUTURE


def test_key_of_one_direction_does_not_open_the_other(guest: FakeGuest) -> None:
    sealed = guest.seal_payload(guest.header(direction=Direction.COMMAND), PAYLOAD)
    head, body = sealed.rsplit(".", 2)[0], sealed.split(".")[2]
    wrong_key = crypto.derive_key(crypto.parse_key(guest.instance_key), "report")
    with pytest.raises(crypto.CryptoError):
        crypto.decrypt(wrong_key, crypto.b64decode(body), head.encode())
