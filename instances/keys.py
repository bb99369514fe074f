"""Keys of guests: made at creation, kept wrapped, and everything else derived from them."""

import uuid
from dataclasses import dataclass

from django.conf import settings

from guestagent.protocol import crypto
from guestagent.protocol.secret import Secret


@dataclass(frozen=True, slots=True)
class NewGuestKeys:
    """The two secrets of a guest. `signing_key` is not kept: only the guest can sign its reports."""

    instance_key: Secret
    signing_key: Secret
    public_key: str


def generate() -> NewGuestKeys:
    signing_key = crypto.generate_key()
    return NewGuestKeys(
        instance_key=Secret(crypto.generate_key()),
        signing_key=Secret(signing_key),
        public_key=crypto.SigningKey(signing_key).public,
    )


def wrap(instance_id: uuid.UUID | str, instance_key: Secret) -> str:
    return keyring().seal(instance_key.reveal().encode(), context=_context(instance_id))


def unwrap(instance_id: uuid.UUID | str, wrapped: str) -> Secret:
    """Raises CryptoError when no configured key opens it."""
    return Secret(keyring().open(wrapped, context=_context(instance_id)).decode())


def rewrap(instance_id: uuid.UUID | str, wrapped: str) -> str | None:
    """The same key under the first configured key; None when it already is."""
    if keyring().is_current(wrapped):
        return None
    return wrap(instance_id, unwrap(instance_id, wrapped))


def broker_password(instance_key: Secret) -> Secret:
    """The guest's RabbitMQ password. Derived, so that a step that runs again sets the same one."""
    derived = crypto.derive_key(crypto.parse_key(instance_key.reveal()), "broker-password")
    return Secret(crypto.b64encode(derived))


def command_signing_key() -> crypto.SigningKey:
    """The control plane's own. Raises CryptoError in a process that must not have it, as the conductor."""
    return crypto.SigningKey(settings.COMMAND_SIGNING_KEY)


def keyring() -> crypto.KeyRing:
    return crypto.KeyRing(settings.INST_RPC_KEY_ENCR_KEY)


def _context(instance_id: uuid.UUID | str) -> str:
    return f"guest:{instance_id}"
