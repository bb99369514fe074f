"""What a module driver is."""

import abc
from pathlib import Path


class ModuleDriver(abc.ABC):
    """Acts on one type of module. Both verbs are idempotent and raise GuestError."""

    @abc.abstractmethod
    def apply(self, path: Path) -> str:
        """The module's contents are in `path` (0600). Returns a message for the user, without secrets."""

    @abc.abstractmethod
    def remove(self, path: Path) -> None:
        """Undo `apply`; the file is still there and removed after this."""
