"""Engines by name: every folder here that has a `spec.py` is one.

The control plane imports this module and the specs it loads; managers, with their drivers, are imported only
when one is asked for.
"""

from functools import cache
from importlib import import_module
from pathlib import Path
from typing import cast

from guestagent.engines.base import EngineManager, EngineSpec
from guestagent.errors import GuestError
from guestagent.system import programs


class UnknownEngine(GuestError):
    code = "engine_unknown"


@cache
def names() -> tuple[str, ...]:
    """The engines that are built in, in name order."""
    return tuple(sorted(spec.parent.name for spec in Path(__file__).parent.glob("*/spec.py")))


def load_spec(name: str) -> EngineSpec:
    """Raises UnknownEngine."""
    return cast(EngineSpec, import_module(f"{_package(name)}.spec").SPEC)


def load_manager(name: str) -> type[EngineManager]:
    """Raises UnknownEngine."""
    return cast(type[EngineManager], import_module(f"{_package(name)}.manager").Manager)


def find_programs(name: str) -> list[programs.Program]:
    """The engine's servers that are installed on this host, newest first."""
    spec = load_spec(name)
    return [found for found in programs.find(spec.server_program) if spec.announces.search(found.vendor)]


def find_versions(name: str) -> list[str]:
    """Release series of the engine whose programs are on this host, newest first, e.g. ``["10.11"]``."""
    spec = load_spec(name)
    return list(dict.fromkeys(spec.series_of(program.version) for program in find_programs(name)))


def host_versions() -> dict[str, list[str]]:
    """`find_versions` of every engine that has any."""
    found = {name: find_versions(name) for name in names()}
    return {name: versions for name, versions in found.items() if versions}


def _package(name: str) -> str:
    if name not in names():
        raise UnknownEngine(f"There is no engine {name!r}; known are {', '.join(names())}.")
    return f"guestagent.engines.{name}"
