"""``python -m guestagent.engines.template PATH [ENGINE VERSION]``: make template data directories now.

For installers, so that the first instance does not wait for one. Without an engine, all that this host has.
Engines that keep none say so and succeed.
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
    parser.add_argument("path", type=Path)
    parser.add_argument("engine", nargs="?")
    parser.add_argument("version", nargs="?")
    options = parser.parse_args(arguments)
    if options.engine and not options.version:
        parser.error("an engine needs a version")
    wanted = {options.engine: [options.version]} if options.engine else registry.host_versions()
    try:
        for engine, versions in wanted.items():
            for version in versions:
                sys.stdout.write(warm(engine, version, options.path) + "\n")
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
