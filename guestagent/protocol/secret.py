"""A string that does not show itself."""

from typing import Any


class Secret:
    """A value that must not reach a log, a trace or an error message.

    ``str()``, ``repr()`` and formatting show ``***``; ``reveal()`` gives the value, so that each use of a
    secret can be found by searching for that one name.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    def __repr__(self) -> str:
        return "Secret(***)"

    def __str__(self) -> str:
        return "***"

    def __format__(self, spec: str) -> str:
        return "***"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)


def enc_hook(value: Any) -> Any:
    """msgspec hook: secrets are written in clear *inside* the sealed payload, nowhere else."""
    if isinstance(value, Secret):
        return value.reveal()
    raise NotImplementedError(f"cannot encode {type(value).__name__}")


def dec_hook(kind: type[Any], value: Any) -> Any:
    if kind is Secret:
        if not isinstance(value, str):
            raise ValueError("Expected a string")
        return Secret(value)
    raise NotImplementedError(f"cannot decode {kind.__name__}")
