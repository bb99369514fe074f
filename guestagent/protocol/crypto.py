"""Keys and primitives under the envelope: AES-256-GCM, Ed25519 and key wrapping."""

import base64
import binascii
import hashlib
import secrets
from collections.abc import Sequence
from typing import Final

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12
SIGNATURE_BYTES: Final = 64


class CryptoError(ValueError):
    """A key is missing, of the wrong length, or not the one that sealed this value."""


def b64encode(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode("ascii")


def b64decode(value: str) -> bytes:
    """Strict URL-safe base64 without padding; raises ValueError."""
    try:
        return base64.b64decode(value + "=" * (-len(value) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError("not base64") from error


def generate_key() -> str:
    """A new 256-bit key as text, the form that settings and guest configurations hold."""
    return b64encode(secrets.token_bytes(KEY_BYTES))


def parse_key(text: str) -> bytes:
    """The key's 32 bytes. Raises CryptoError unless `text` is what `generate_key` writes."""
    try:
        key = b64decode(text)
    except ValueError as error:
        raise CryptoError("a key is 43 characters of URL-safe base64") from error
    if len(key) != KEY_BYTES:
        raise CryptoError("a key is 32 bytes, written as 43 characters of URL-safe base64")
    return key


def derive_key(key: bytes, purpose: str) -> bytes:
    """A sub-key for one purpose, so that what one direction sealed never opens in the other."""
    return HKDF(hashes.SHA256(), KEY_BYTES, salt=None, info=b"dbaas/v1/" + purpose.encode()).derive(key)


def encrypt(key: bytes, plaintext: bytes, associated_data: bytes) -> bytes:
    nonce = secrets.token_bytes(NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, plaintext, associated_data)


def decrypt(key: bytes, sealed: bytes, associated_data: bytes) -> bytes:
    """Raises CryptoError when the key, the data or the associated data are not what they were."""
    if len(sealed) < NONCE_BYTES + 16:
        raise CryptoError("sealed value is too short")
    try:
        return AESGCM(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], associated_data)
    except InvalidTag as error:
        raise CryptoError("wrong key or changed data") from error


class SigningKey:
    """An Ed25519 private key."""

    __slots__ = ("_key",)

    def __init__(self, text: str) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(parse_key(text))

    @property
    def public(self) -> str:
        raw = self._key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        return b64encode(raw)

    def sign(self, message: bytes) -> bytes:
        return self._key.sign(message)


def verify(public_key: str, signature: bytes, message: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(parse_key(public_key)).verify(signature, message)
    except (InvalidSignature, CryptoError):
        return False
    return True


class KeyRing:
    """A list of keys: the first seals, any of them opens, so that keys can be rotated without a gap.

    A sealed value is ``<key id>.<base64>``; the key id is a digest and tells which key to use.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        if not keys:
            raise CryptoError("no key is configured")
        self._keys = {_key_id(key): key for key in map(parse_key, keys)}
        self.primary_id = next(iter(self._keys))

    def seal(self, plaintext: bytes, *, context: str) -> str:
        """`context` says what the value is and whose; it must be the same to open it."""
        sealed = encrypt(self._keys[self.primary_id], plaintext, context.encode())
        return f"{self.primary_id}.{b64encode(sealed)}"

    def open(self, sealed: str, *, context: str) -> bytes:
        key_id, _, body = sealed.partition(".")
        key = self._keys.get(key_id)
        if key is None:
            raise CryptoError(f"no configured key has the id {key_id[:16]!r}")
        try:
            return decrypt(key, b64decode(body), context.encode())
        except ValueError as error:
            raise CryptoError("wrong key or changed data") from error

    def is_current(self, sealed: str) -> bool:
        """False when the value should be sealed again under the first key."""
        return sealed.startswith(self.primary_id + ".")


def _key_id(key: bytes) -> str:
    return hashlib.sha256(b"dbaas/key-id/" + key).hexdigest()[:12]
