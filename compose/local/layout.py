"""Where a stack keeps its things. One folder holds all of it, so that a second stack is another folder."""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PROJECT_ROOT: Final = Path(__file__).resolve().parents[2]
#: Files are ours alone; database servers, which run as other users, may pass through folders.
UMASK: Final = 0o066


@dataclass(frozen=True, slots=True)
class Layout:
    """Paths below `var`. Files with secrets are 0600, whatever the folder's mode is."""

    var: Path = PROJECT_ROOT / "var"

    @property
    def env(self) -> Path:
        """Settings and keys of the control plane, ``NAME='value'`` a line."""
        return self.var / "env"

    @property
    def credentials(self) -> Path:
        """What a person needs: addresses, logins and passwords."""
        return self.var / "credentials"

    @property
    def clouds(self) -> Path:
        return self.var / "clouds.yaml"

    def openrc(self, cloud: str) -> Path:
        """Client settings of one of our two clouds, "demo" and "admin"."""
        return self.var / {"demo": "openrc", "admin": "adminrc"}[cloud]

    @property
    def logs(self) -> Path:
        return self.var / "log"

    def log(self, process: str) -> Path:
        return self.logs / f"{process}.log"

    @property
    def run(self) -> Path:
        """Files that mean nothing once the stack is down."""
        return self.var / "run"

    @property
    def metrics(self) -> Path:
        """Counters that the processes of the API share."""
        return self.run / "metrics"

    @property
    def supervisor_config(self) -> Path:
        return self.var / "supervisor" / "supervisord.conf"

    @property
    def supervisor_socket(self) -> Path:
        return self.var / "supervisor" / "socket"

    @property
    def services(self) -> Path:
        """RabbitMQ's and Redis's files when we start our own as an ordinary user."""
        return self.var / "services"

    @property
    def servers(self) -> Path:
        """Default of LOCAL_PATH: servers and volumes of the local provider.

        Each database server has a user id of its own when root starts it, and must be able to reach its
        folder: below a home that is closed to others (as /root is) we keep them in /var/lib instead.
        """
        if os.geteuid() != 0 or _others_may_enter(self.var.parent):
            return self.var / "local"
        return Path("/var/lib") / f"dbaas-{hashlib.sha256(str(self.var).encode()).hexdigest()[:8]}"

    def make_folders(self) -> None:
        self.var.mkdir(parents=True, exist_ok=True)
        self.var.chmod(0o711)
        for folder in (self.logs, self.run, self.metrics, self.supervisor_config.parent):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def _others_may_enter(folder: Path) -> bool:
    return all(parent.stat().st_mode & 0o001 for parent in (folder, *folder.parents))


def write_private(path: Path, content: str) -> None:
    """Write a file that only its owner may read; readers see the old content or the new, never a part."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
