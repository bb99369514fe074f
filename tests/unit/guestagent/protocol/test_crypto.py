import pytest

from guestagent.protocol import crypto
from guestagent.protocol.crypto import CryptoError, KeyRing
from guestagent.protocol.secret import Secret


@pytest.mark.parametrize(
    "text", ["", "short", "!" * 43, crypto.b64encode(bytes(31)), crypto.b64encode(bytes(33))]
)
def test_key_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(CryptoError):
        crypto.parse_key(text)


def test_key_ring_opens_what_any_of_its_keys_sealed() -> None:
    old, new = crypto.generate_key(), crypto.generate_key()
    sealed = KeyRing([old]).seal(b"value", context="guest:1")
    rotated = KeyRing([new, old])
    assert rotated.open(sealed, context="guest:1") == b"value"
    assert not rotated.is_current(sealed)
    assert rotated.is_current(rotated.seal(b"value", context="guest:1"))


def test_key_ring_refuses_what_another_key_sealed() -> None:
    sealed = KeyRing([crypto.generate_key()]).seal(b"value", context="guest:1")
    with pytest.raises(CryptoError):
        KeyRing([crypto.generate_key()]).open(sealed, context="guest:1")


def test_key_ring_binds_a_value_to_its_owner() -> None:
    ring = KeyRing([crypto.generate_key()])
    with pytest.raises(CryptoError):
        ring.open(ring.seal(b"value", context="guest:1"), context="guest:2")


@pytest.mark.parametrize("sealed", ["", ".", "abc", "abc.def", "\N{SNOWMAN}.x"])
def test_key_ring_refuses_junk(sealed: str) -> None:
    with pytest.raises(CryptoError):
        KeyRing([crypto.generate_key()]).open(sealed, context="")


def test_key_ring_without_keys_is_an_error() -> None:
    with pytest.raises(CryptoError):
        KeyRing([])


def test_secret_shows_nothing() -> None:
    secret = Secret("hunter2")
    shown = f"{secret} {secret!r} {secret!s} {secret:>10} {[secret]}"
    assert "hunter2" not in shown
    assert secret.reveal() == "hunter2"
