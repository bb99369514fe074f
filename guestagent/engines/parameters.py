"""The parameters that users may change, from the metadata of a real server.

    python -m guestagent.engines.parameters            # every engine and release series of this host
    python -m guestagent.engines.parameters mariadb

makes a scratch server, asks it, and writes `<engine>/parameters/<series>.json` here. A parameter is left
out when users must not change it; each engine says which those are, and why.
"""

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from guestagent.engines import registry
from guestagent.engines.base import Parameter
from guestagent.engines.registry import UnknownEngine
from guestagent.engines.server import ServerManager
from guestagent.protocol.guest_config import GuestConfig
from guestagent.protocol.secret import Secret
from guestagent.runtimes import registry as runtimes

#: A user that no account needs to have: a server does not run as root.
SCRATCH_UID: Final = 64122
SCRATCH_ADDRESS: Final = "127.78.255.254"


def item_of(parameter: Parameter) -> dict[str, Any]:
    """As the file has it, without what the parameter has not."""
    item = {
        "name": parameter.name,
        "type": parameter.type,
        "restart_required": parameter.restart_required,
        "min": parameter.minimum,
        "max": parameter.maximum,
        "enum": list(parameter.choices),
        "default": parameter.default,
        "description": parameter.description,
    }
    return {key: value for key, value in item.items() if value not in (None, "", [])}


def document(parameters: Iterable[Parameter]) -> str:
    """The file's text: one parameter a line, by name, so that versions can be compared."""
    items = sorted(map(item_of, parameters), key=lambda item: item["name"].lower())
    lines = ",\n".join(json.dumps(item, ensure_ascii=False) for item in items)
    return f'{{"configuration-parameters": [\n{lines}\n]}}\n'


def ask(engine: str, version: str) -> list[Parameter]:
    """What a scratch server of this engine and version says. Raises GuestError."""
    folder = Path(tempfile.mkdtemp(prefix="dbaas-parameters-"))
    folder.chmod(0o755)
    config = GuestConfig(
        instance_id="scratch",
        project_id="scratch",
        engine=engine,
        version=version,
        broker_url=Secret("none"),
        instance_key=Secret("none"),
        signing_key=Secret("none"),
        control_public_key="none",
        listen_address=SCRATCH_ADDRESS,
        memory_mb=512,
        data_path=str(folder / "volume"),
        state_path=str(folder / "state"),
        database_uid=SCRATCH_UID if os.geteuid() == 0 else None,
    )
    manager = registry.load_manager(engine)(config, runtimes.build(config))
    if not isinstance(manager, ServerManager):
        raise UnknownEngine(f"{engine} is no server of its own.")
    try:
        manager.prepare({})
        return list(manager.parameters())
    finally:
        manager.runtime.stop(timeout_seconds=10)
        shutil.rmtree(folder, ignore_errors=True)


def path_of(engine: str, series: str) -> Path:
    return Path(__file__).parent / engine / "parameters" / f"{series}.json"


def main(wanted: list[str]) -> None:
    for engine, versions in registry.host_versions().items():
        for series in versions if not wanted or engine in wanted else ():
            path = path_of(engine, series)
            path.parent.mkdir(exist_ok=True)
            parameters = ask(engine, series)
            path.write_text(document(parameters), encoding="utf-8")
            sys.stdout.write(f"{path}: {len(parameters)} parameters\n")


if __name__ == "__main__":
    main(sys.argv[1:])
