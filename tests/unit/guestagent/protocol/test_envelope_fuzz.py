"""Whatever arrives, opening it ends in `Opened` or `EnvelopeRefused`, and only what was sealed opens."""

import json

from hypothesis import given
from hypothesis import strategies as st

from guestagent.protocol import crypto
from guestagent.protocol.envelope import Direction, EnvelopeRefused, Opened, open_envelope
from tests.unit.guestagent.protocol.guests import FakeGuest

GUEST = FakeGuest()
SENT_AT_MS = 1_767_225_600_000
PAYLOAD = b'{"kind":"command_finished","command_id":"c-1","outcome":"succeeded"}'
SEALED = GUEST.seal_payload(GUEST.header(sent_at_ms=SENT_AT_MS), PAYLOAD)
PARTS = SEALED.split(".")


def open_it(envelope: str) -> Opened | None:
    try:
        return open_envelope(
            envelope,
            direction=Direction.REPORT,
            instance_id=None,
            key_for=lambda instance_id: GUEST.instance_key if instance_id == GUEST.instance_id else None,
            public_key_for=lambda _: GUEST.public_key,
            unsigned_kinds=frozenset({"heartbeat"}),
            max_age_seconds=60,
            now=lambda: SENT_AT_MS,
        )
    except EnvelopeRefused:
        return None


@given(st.text())
def test_text_is_refused(text: str) -> None:
    assert open_it(text) is None


@given(st.lists(st.binary(max_size=200), min_size=3, max_size=3))
def test_any_bytes_in_the_right_form_are_refused(parts: list[bytes]) -> None:
    assert open_it(".".join(["v1", *map(crypto.b64encode, parts)])) is None


@given(st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from("vdkimstxrq"), inner),
    max_leaves=12,
))  # fmt: skip
def test_any_json_as_header_is_refused(header: object) -> None:
    encoded = crypto.b64encode(json.dumps(header).encode())
    assert open_it(".".join(["v1", encoded, *PARTS[2:]])) is None


@given(st.integers(0, len(SEALED) - 1), st.characters())
def test_one_changed_character_is_refused(position: int, character: str) -> None:
    changed = SEALED[:position] + character + SEALED[position + 1 :]
    result = open_it(changed)
    if result is not None:
        # The last character of base64 carries bits that mean nothing; what they stand for is unchanged.
        assert result.payload == PAYLOAD
        assert result.header.instance_id == GUEST.instance_id


@given(st.integers(0, len(SEALED)))
def test_a_cut_message_is_refused(length: int) -> None:
    result = open_it(SEALED[:length])
    assert result is None or SEALED[:length] == SEALED


@given(st.lists(st.sampled_from(PARTS), max_size=6))
def test_shuffled_parts_are_refused(parts: list[str]) -> None:
    assert open_it(".".join(parts)) is None or parts == PARTS


@given(st.binary(max_size=5000))
def test_any_payload_comes_back_unchanged(payload: bytes) -> None:
    opened = open_it(GUEST.seal_payload(GUEST.header(sent_at_ms=SENT_AT_MS), payload))
    assert opened is not None
    assert opened.payload == payload
