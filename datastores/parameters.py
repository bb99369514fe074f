"""Whether values fit the parameters of a datastore version."""

import math
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from datastores.models import ConfigurationParameter, DatastoreVersion
from dbaas.common.errors import Unprocessable

DataType = ConfigurationParameter.DataType
MAX_TEXT_LENGTH = 4096


def validate(version: DatastoreVersion, values: Mapping[str, Any]) -> dict[str, Any]:
    """`values` under the parameters' own spelling. Raises Unprocessable, which names all misfits."""
    parameters = list(version.parameters.all())
    if not parameters and values:
        raise Unprocessable(
            f"Configuration groups are not possible for datastore version {version.name!r}: "
            "it has no configuration parameters."
        )
    return check(parameters, values)


def check(parameters: Iterable[ConfigurationParameter], values: Mapping[str, Any]) -> dict[str, Any]:
    """Like `validate`, against given parameters; touches no database."""
    known = {parameter.name.lower(): parameter for parameter in parameters}
    checked: dict[str, Any] = {}
    problems: list[str] = []
    for name, value in values.items():
        parameter = known.get(name.lower())
        if parameter is None:
            problems.append(f"{name[:128]}: there is no such parameter for this datastore version")
        elif parameter.name in checked:
            problems.append(f"{name}: given twice")
        elif problem := _problem(parameter, value):
            problems.append(f"{name}: {problem}")
        else:
            checked[parameter.name] = value
    if problems:
        raise Unprocessable("; ".join(problems) + ".")
    return checked


def _problem(parameter: ConfigurationParameter, value: Any) -> str | None:
    """Why the value does not fit, or None. Never repeats the value: it may be a secret."""
    match parameter.data_type:
        case DataType.BOOLEAN:
            return None if isinstance(value, bool) else "must be true or false"
        case DataType.INTEGER:
            if isinstance(value, bool) or not isinstance(value, int):
                return "must be an integer"
            return _range_problem(parameter, Decimal(value))
        case DataType.FLOAT:
            if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
                return "must be a number"
            return _range_problem(parameter, Decimal(str(value)))
        case _:
            return _text_problem(parameter, value)


def _range_problem(parameter: ConfigurationParameter, value: Decimal) -> str | None:
    if parameter.minimum is not None and value < parameter.minimum:
        return f"must be at least {parameter.min_size}"
    if parameter.maximum is not None and value > parameter.maximum:
        return f"must be at most {parameter.max_size}"
    return None


def _text_problem(parameter: ConfigurationParameter, value: Any) -> str | None:
    if not isinstance(value, str):
        return "must be a string"
    # A control character could end the line in the server's configuration file and start another setting.
    if not value.isprintable():
        return "must not hold control characters"
    if len(value) > MAX_TEXT_LENGTH:
        return f"must not be longer than {MAX_TEXT_LENGTH} characters"
    allowed = [str(choice) for choice in parameter.enum_values]
    if allowed and value.lower() not in {choice.lower() for choice in allowed}:
        return f"must be one of {', '.join(allowed)}"
    return None
