"""What a guest agent is told at birth: one JSON file, 0600, written by the provider, read once at start."""

from typing import Literal

import msgspec

from guestagent.protocol.secret import Secret, dec_hook, enc_hook


class GuestConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Everything the agent needs to serve one instance.

    `instance_key` and `signing_key` are the guest's own; `control_public_key` verifies commands. Nothing in
    here gives access to any other guest, the control database or the cloud.
    """

    instance_id: str
    project_id: str
    engine: str  # a name in guestagent.engines.registry
    version: str  # version number of the datastore version, e.g. "10.11"
    broker_url: Secret
    instance_key: Secret
    signing_key: Secret
    control_public_key: str
    listen_address: str
    memory_mb: int
    vcpus: int = 1
    data_path: str  # the volume's mount point; the engine's data directory lies in it
    state_path: str  # the agent's own: journal, sockets, pid files, generated configuration
    run_path: str | None = None  # sockets: short, for theirs may have 107 bytes; may vanish at a reboot
    template_path: str | None = None  # pre-initialised data directories may be kept and shared here
    runtime: Literal["process", "docker"] = "process"
    database_uid: int | None = None  # None: the agent's own user (an ordinary user can be no other)
    database_gid: int | None = None
    heartbeat_seconds: float = 5.0
    command_max_age_seconds: float = 3600.0
    log_json: bool = True
    log_level: str = "INFO"


_encoder = msgspec.json.Encoder(enc_hook=enc_hook)
_decoder: msgspec.json.Decoder[GuestConfig] = msgspec.json.Decoder(GuestConfig, dec_hook=dec_hook)


def encode_guest_config(config: GuestConfig) -> bytes:
    return _encoder.encode(config)


def decode_guest_config(payload: bytes) -> GuestConfig:
    """Raises msgspec.ValidationError."""
    return _decoder.decode(payload)
