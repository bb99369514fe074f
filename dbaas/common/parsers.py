"""JSON in: an object, read strictly, so that two readers can't understand one body in two ways."""

import json
import math
from collections.abc import Mapping
from typing import IO, Any, Final

from rest_framework.exceptions import UnsupportedMediaType
from rest_framework.parsers import BaseParser

from dbaas.common.errors import BadRequest

MAX_DEPTH: Final = 32


class StrictJSONParser(BaseParser):
    """Refuses duplicate keys, NaN and Infinity, deep nesting, NUL and unpaired surrogates in strings."""

    media_type = "application/json"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        charset = str((parser_context or {}).get("encoding", "utf-8")).lower()
        if charset not in {"utf-8", "utf8"}:
            raise UnsupportedMediaType(media_type or "", detail="The body must be in UTF-8.")
        return loads(stream.read())


def loads(body: bytes) -> dict[str, Any]:
    """The object that the body holds; an empty body is an empty object. Raises BadRequest."""
    if not body.strip():
        return {}
    try:
        value = json.loads(
            body.decode("utf-8"),
            object_pairs_hook=_without_duplicates,
            parse_constant=_refuse_constant,
            parse_float=_finite,
        )
    except BadRequest:
        raise
    except UnicodeDecodeError as error:
        raise BadRequest("The body is not UTF-8.") from error
    except RecursionError as error:
        raise BadRequest(f"The body is nested deeper than {MAX_DEPTH} levels.") from error
    except ValueError as error:
        raise BadRequest("The body is not valid JSON.") from error
    if not isinstance(value, dict):
        raise BadRequest("The body must be a JSON object.")
    _inspect(value)
    return value


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise BadRequest("The body names the same key twice in one object.")
    return found


def _refuse_constant(name: str) -> float:
    raise BadRequest(f"The body holds {name}, which is not JSON.")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise BadRequest("The body holds a number that is too large.")
    return number


def _inspect(value: Any) -> None:
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [child for item in level for child in _children(item)]
        if not level:
            return
    raise BadRequest(f"The body is nested deeper than {MAX_DEPTH} levels.")


def _children(item: Any) -> list[Any]:
    if isinstance(item, dict):
        return [*item.keys(), *item.values()]
    if isinstance(item, list):
        return item
    if isinstance(item, str):
        _check_text(item)
    return []


def _check_text(text: str) -> None:
    if "\0" in text:
        raise BadRequest("The body holds a NUL character.")
    if not text.isascii():
        try:
            text.encode("utf-8")
        except UnicodeEncodeError as error:
            raise BadRequest("The body holds half of a surrogate pair.") from error
