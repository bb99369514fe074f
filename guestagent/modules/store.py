"""The modules of this guest: each a file of its own, which its driver acts on."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final
from uuid import UUID

from guestagent.errors import GuestError
from guestagent.modules.base import ModuleDriver
from guestagent.modules.ping import PingDriver
from guestagent.protocol.types import ModuleResult, ModuleSpec
from guestagent.system.files import ensure_directory, write_atomically

DRIVERS: Final[Mapping[str, ModuleDriver]] = {"ping": PingDriver()}


class ModuleStore:
    """Files are called ``<module id>.<type>``, so that a module can be removed by what is here alone."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def apply(self, modules: Iterable[ModuleSpec]) -> tuple[ModuleResult, ...]:
        """Each module by itself: one that fails does not keep the others from being applied."""
        return tuple(self._apply(module) for module in modules)

    def remove(self, module_id: str) -> None:
        """A module that is not here is success. Raises GuestError."""
        for path in self._folder.glob(f"{_checked(module_id)}.*"):
            driver = DRIVERS.get(path.suffix.removeprefix("."))
            if driver is not None:
                driver.remove(path)
            path.unlink(missing_ok=True)

    def _apply(self, module: ModuleSpec) -> ModuleResult:
        driver = DRIVERS.get(module.type)
        if driver is None:
            return ModuleResult(id=module.id, error=f"This guest knows no modules of type {module.type!r}.")
        try:
            ensure_directory(self._folder)
            path = self._folder / f"{_checked(module.id)}.{module.type}"
            write_atomically(path, module.contents.reveal())
            return ModuleResult(id=module.id, message=driver.apply(path))
        except GuestError as error:
            return ModuleResult(id=module.id, error=str(error))
        except OSError as error:
            return ModuleResult(id=module.id, error=f"The module cannot be kept: {error.strerror}")


def _checked(module_id: str) -> str:
    """It becomes a file name. Raises GuestError unless it is a UUID."""
    try:
        return str(UUID(module_id))
    except ValueError:
        raise GuestError("That is no module's id.", code="module_invalid") from None
