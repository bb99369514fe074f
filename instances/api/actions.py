"""The body of an action request: one verb, and an object of what it needs."""

from collections.abc import Collection, Mapping
from typing import Any

from dbaas.common.errors import BadRequest


def one_action(body: Any, known: Collection[str]) -> tuple[str, Mapping[str, Any]]:
    """The verb and what was given with it. Raises BadRequest."""
    if not isinstance(body, dict) or len(body) != 1:
        raise BadRequest("Validation error: exactly one action is needed.")
    verb, given = next(iter(body.items()))
    if verb not in known:
        raise BadRequest(f"Validation error: {verb[:80]!r} is not an action.")
    if given is None:
        given = {}
    if not isinstance(given, dict):
        raise BadRequest(f"Validation error: {verb} must be an object.")
    return verb, given
