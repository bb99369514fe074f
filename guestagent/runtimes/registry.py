"""Runtimes by the name that a guest's configuration gives."""

from pathlib import Path

from guestagent.errors import GuestError
from guestagent.protocol.guest_config import GuestConfig
from guestagent.runtimes.base import Runtime
from guestagent.system.files import Owner


def build(config: GuestConfig) -> Runtime:
    """The configured runtime. Raises GuestError `runtime_unknown` for one that is not built in."""
    if config.runtime == "process":
        from guestagent.runtimes.process import ProcessRuntime

        return ProcessRuntime(Path(config.state_path) / "engine" / "runtime", database_owner(config))
    raise GuestError(f"there is no runtime {config.runtime!r}; known: process", code="runtime_unknown")


def database_owner(config: GuestConfig) -> Owner:
    """Who owns the data: the configured user, or the agent's own."""
    current = Owner.current()
    uid = current.uid if config.database_uid is None else config.database_uid
    gid = config.database_gid
    if gid is None:
        gid = current.gid if uid == current.uid else uid
    return Owner(uid, gid)
