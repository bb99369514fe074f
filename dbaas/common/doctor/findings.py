"""The shape of an answer."""

import enum
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from django.core.exceptions import ImproperlyConfigured


class Level(enum.StrEnum):
    OK = "ok"
    WARNING = "warning"  # works, but will hurt
    ERROR = "error"  # something does not work


@dataclass(frozen=True, slots=True)
class Finding:
    """`says` is what is so; `mend` is what to do about it, empty when nothing is to be done."""

    level: Level
    about: str
    says: str
    mend: str = ""


Check = Callable[[], Iterator[Finding]]


def ok(about: str, says: str) -> Finding:
    return Finding(Level.OK, about, says)


def warning(about: str, says: str, mend: str) -> Finding:
    return Finding(Level.WARNING, about, says, mend)


def error(about: str, says: str, mend: str) -> Finding:
    return Finding(Level.ERROR, about, says, mend)


def examine(checks: Sequence[Check]) -> list[Finding]:
    """All findings, in the order of the checks."""
    found: list[Finding] = []
    for check in checks:
        try:
            found.extend(check())
        except ImproperlyConfigured as problem:
            found.append(
                error("Settings", str(problem), "Run `make up` once, or see `manage.py config_sample`.")
            )
        except Exception as problem:
            # Messages of drivers may hold addresses with passwords: the type is enough to go on.
            name = check.__name__.replace("_", " ")
            found.append(
                error(name, f"could not be examined ({type(problem).__name__})", "See the findings above.")
            )
    return found
