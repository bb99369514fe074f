"""What an instance was resized to, kept for the agents to come."""

from pathlib import Path

import msgspec

from guestagent.protocol.guest_config import GuestConfig
from guestagent.system.files import ensure_directory, write_atomically


class Size(msgspec.Struct, frozen=True, kw_only=True):
    memory_mb: int
    vcpus: int


def applied(path: Path, config: GuestConfig) -> GuestConfig:
    """The configuration that the agent was born with, in its present size."""
    try:
        size = msgspec.json.decode(path.read_bytes(), type=Size)
    except FileNotFoundError:
        return config
    return msgspec.structs.replace(config, memory_mb=size.memory_mb, vcpus=size.vcpus)


def change(path: Path, config: GuestConfig, memory_mb: int, vcpus: int) -> GuestConfig:
    """Keep the size; the configuration with it."""
    ensure_directory(path.parent, mode=0o711)
    write_atomically(path, msgspec.json.encode(Size(memory_mb=memory_mb, vcpus=vcpus)))
    return applied(path, config)
