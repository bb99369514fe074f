"""The type to try modules with: it answers with the message that its contents hold."""

from pathlib import Path

from guestagent.errors import GuestError
from guestagent.modules.base import ModuleDriver

_KEY = "message="


class PingDriver(ModuleDriver):
    def apply(self, path: Path) -> str:
        for line in path.read_text().splitlines():
            if line.strip().lower().startswith(_KEY):
                return line.strip()[len(_KEY) :].strip()
        raise GuestError("A ping module must hold a line 'message=<text>'.", code="module_invalid")

    def remove(self, path: Path) -> None:
        return
