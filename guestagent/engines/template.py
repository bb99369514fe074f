"""``python -m guestagent.engines.template ENGINE VERSION PATH``: make the template data directory now.

For installers, so that the first instance does not wait for it. Engines that keep none say so and succeed.
"""

import argparse
import sys
from pathlib import Path

from guestagent.engines import registry
from guestagent.engines.mysql_family.family import FamilyManager
from guestagent.errors import GuestError
from guestagent.system.programs import is_version


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="guestagent.engines.template", description=__doc__)
    parser.add_argument("engine")
    parser.add_argument("version")
    parser.add_argument("path", type=Path)
    options = parser.parse_args(arguments)
    try:
        sys.stdout.write(warm(options.engine, options.version, options.path) + "\n")
    except (GuestError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def warm(engine: str, version: str, templates: Path) -> str:
    """Where the template is, or why there is none. Raises GuestError."""
    manager = registry.load_manager(engine)
    if not issubclass(manager, FamilyManager):
        return f"{engine} initialises each instance by itself; there is no template to make"
    installed = [found for found in registry.find_programs(engine) if is_version(found.version, version)]
    if not installed:
        raise GuestError(f"{engine} {version} is not installed", code="engine_not_installed")
    return str(manager.warm_template(templates, installed[0]))


if __name__ == "__main__":
    sys.exit(main())
