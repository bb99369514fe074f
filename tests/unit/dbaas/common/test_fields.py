from typing import Any

import pytest
from rest_framework import serializers

from dbaas.common import fields
from guestagent.protocol.secret import Secret


@pytest.mark.parametrize(
    ("field", "given", "value"),
    [
        (fields.LenientInteger(), 5, 5),
        (fields.LenientInteger(), "5", 5),
        (fields.BooleanString(), 1, True),
        (fields.BooleanString(), "0", False),
        (fields.BooleanString(), "True", True),
        (fields.BooleanString(), False, False),
        (fields.FlavorRef(), 7, "7"),
        (fields.FlavorRef(), "d4", "d4"),
        (fields.FlavorRef(), "http://host/v1.0/p/flavors/12/", "12"),
        (fields.NonEmptyString(), " a ", " a "),
        (fields.NonEmptyString(), "é", "é"),
        (fields.UuidString(), "00000000000000000000000000000001", "00000000-0000-0000-0000-000000000001"),
        (fields.Cidr(), "10.0.0.1/8", "10.0.0.1/8"),
        (fields.Cidr(), "fd00::/8", "fd00::/8"),
        (fields.SecretText(), "x", Secret("x")),
    ],
)
def test_field_takes(field: serializers.Field[Any, Any, Any, Any], given: Any, value: Any) -> None:
    assert field.run_validation(given) == value


@pytest.mark.parametrize(
    ("field", "given"),
    [
        (fields.LenientInteger(min_value=1), 0),
        (fields.LenientInteger(), True),
        (fields.LenientInteger(), 1.5),
        (fields.LenientInteger(), " 5"),
        (fields.LenientInteger(), "٥"),
        (fields.LenientInteger(), 2**31),
        (fields.LenientInteger(), "9" * 30),
        (fields.BooleanString(), 2),
        (fields.BooleanString(), "yes"),
        (fields.BooleanString(), 1.0),
        (fields.FlavorRef(), ""),
        (fields.FlavorRef(), "http://host/flavors/-"),
        (fields.FlavorRef(), True),
        (fields.FlavorRef(), -1),
        (fields.NonEmptyString(), "---"),
        (fields.NonEmptyString(), 5),
        (fields.NonEmptyString(), "x" * 256),
        (fields.UuidString(), "nonsense"),
        (fields.UuidString(), 1),
        (fields.Cidr(), "10.0.0.0/33"),
        (fields.Cidr(), 10),
        (fields.SecretText(), ""),
        (fields.SecretText(), 5),
        (fields.Text(), ["a"]),
    ],
)
def test_field_refuses(field: serializers.Field[Any, Any, Any, Any], given: Any) -> None:
    with pytest.raises(serializers.ValidationError):
        field.run_validation(given)


def test_strict_serializer_names_the_unknown_key() -> None:
    class Body(fields.StrictSerializer):
        name = fields.Text()

    body = Body(data={"name": "x", "nmae": "y"})
    assert not body.is_valid()
    assert list(body.errors) == ["nmae"]
