"""Files that define configuration parameters: ours, and those written for Trove.

A JSON object with the list "configuration-parameters"; an item has a name, a type (boolean, integer, float,
string), `restart_required`, and may have `min`, `max`, `enum`, `default` and `description`.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from dbaas.common.errors import BadRequest

LIST_KEY = "configuration-parameters"


@dataclass(frozen=True, slots=True)
class ParameterDefinition:
    """What a file says of one parameter; field names are those of the model."""

    name: str
    data_type: str
    restart_required: bool = False
    min_size: str = ""
    max_size: str = ""
    enum_values: tuple[str, ...] = ()
    default_value: str = ""
    description: str = ""

    def values(self) -> dict[str, Any]:
        """All but the name, as the model's fields hold them."""
        values = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "name"}
        return values | {"enum_values": list(self.enum_values)}


def read_file(path: Path) -> list[ParameterDefinition]:
    """Raises BadRequest with the path and what is wrong."""
    try:
        content = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is not UTF-8 text"
        raise BadRequest(f"{path}: {reason}") from error
    try:
        # Numbers stay as they are written: bounds reach beyond what a float holds.
        return parse(json.loads(content, parse_float=str))
    except (ValueError, RecursionError) as error:
        raise BadRequest(f"{path}: is not JSON: {error}") from error
    except BadRequest as error:
        raise BadRequest(f"{path}: {error.message}") from error


def parse(document: Any) -> list[ParameterDefinition]:
    """Raises BadRequest that names the item and what is wrong with it."""
    items = document.get(LIST_KEY) if isinstance(document, Mapping) else None
    if not isinstance(items, list):
        raise BadRequest(f'must be an object with a list "{LIST_KEY}"')
    definitions = [_definition(number, item) for number, item in enumerate(items, start=1)]
    seen: set[str] = set()
    for definition in definitions:
        if definition.name.lower() in seen:
            raise BadRequest(f"{definition.name}: is defined twice")
        seen.add(definition.name.lower())
    return definitions


def _definition(number: int, item: Any) -> ParameterDefinition:
    if not isinstance(item, Mapping) or not isinstance(item.get("name"), str) or not item["name"]:
        raise BadRequest(f"parameter {number}: must be an object with a name")
    name = item["name"]
    choices = item.get("enum", [])
    if not isinstance(choices, list) or not all(isinstance(choice, str) for choice in choices):
        raise BadRequest(f"{name}: enum: must be a list of strings")
    return ParameterDefinition(
        name=name,
        data_type=str(item.get("type", item.get("data_type", ""))),
        restart_required=_boolean(name, item.get("restart_required", False)),
        min_size=_text(item.get("min", item.get("min_size"))),
        max_size=_text(item.get("max", item.get("max_size"))),
        enum_values=tuple(choices),
        default_value=_text(item.get("default")),
        description=_text(item.get("description")),
    )


def _boolean(name: str, value: Any) -> bool:
    # Trove's files say 0 and 1 as well.
    if value not in (True, False):
        raise BadRequest(f"{name}: restart_required: must be true or false")
    return bool(value)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)
