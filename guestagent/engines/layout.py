"""Where an engine keeps its files."""

from dataclasses import dataclass
from pathlib import Path

from guestagent.protocol.guest_config import GuestConfig

#: A Unix socket's path must fit into 108 bytes, the terminating zero included.
MAX_SOCKET_PATH = 107
VERSION_NAME = "dbaas.version"


@dataclass(frozen=True, slots=True)
class Layout:
    """On the volume only what must go where the data goes; the rest is made again from the configuration.

    Folders of the agent hold files that the database user reads or writes but can't replace: were the folder
    the database user's, a link planted there would make the agent, which may be root, write elsewhere.
    """

    volume: Path
    state: Path
    run: Path

    @classmethod
    def of(cls, config: GuestConfig) -> "Layout":
        state = Path(config.state_path) / "engine"
        return cls(Path(config.data_path), state, Path(config.run_path) if config.run_path else state / "run")

    @property
    def data(self) -> Path:
        """The data directory. It comes into being by a rename, so it is complete if it exists."""
        return self.volume / "data"

    @property
    def staging(self) -> Path:
        return self.volume / "data.partial"

    @property
    def version(self) -> Path:
        """Which version the data are for, once they were taken to another than that of the configuration.

        In the data directory: the two change places together.
        """
        return self.data / VERSION_NAME

    @property
    def upgrade(self) -> Path:
        """What an upgrade that is not settled needs to know; beside the data, for it is about them."""
        return self.volume / "upgrade.json"

    @property
    def upgraded(self) -> Path:
        """Where a copy for another version is made."""
        return self.volume / "data.upgraded"

    @property
    def before(self) -> Path:
        """The data before an upgrade."""
        return self.volume / "data.before"

    @property
    def discarded(self) -> Path:
        """To be removed."""
        return self.volume / "data.discarded"

    @property
    def files(self) -> Path:
        """The only place for server-side import and export."""
        return self.volume / "files"

    @property
    def temporary(self) -> Path:
        """On the volume: what queries spill counts there, and lies open to nobody."""
        return self.volume / "tmp"

    @property
    def config(self) -> Path:
        return self.state / "config"

    @property
    def tls(self) -> Path:
        return self.state / "tls"

    @property
    def log(self) -> Path:
        return self.state / "log" / "server.log"

    @property
    def overrides(self) -> Path:
        return self.state / "overrides.json"

    @property
    def size(self) -> Path:
        """Memory and processors, once they were changed after birth."""
        return self.state / "size.json"

    @property
    def admin_password(self) -> Path:
        return self.state / "admin.secret"

    @property
    def prepare_lock(self) -> Path:
        return self.state / "prepare.lock"
