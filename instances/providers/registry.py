"""Providers by name: a folder `instances/providers/<name>/` with `provider.build(options)`."""

import importlib
import pkgutil
from collections.abc import Mapping
from typing import Any

import instances.providers as package
from instances.providers.base import Provider


def names() -> list[str]:
    return sorted(module.name for module in pkgutil.iter_modules(package.__path__) if module.ispkg)


def load(name: str, options: Mapping[str, Any]) -> Provider:
    """The provider, built from its options. Raises ValueError naming the known ones."""
    if name not in names():
        raise ValueError(f"no provider is called {name!r}; known: {', '.join(names())}")
    module = importlib.import_module(f"instances.providers.{name}.provider")
    provider: Provider = module.build(options)
    return provider
