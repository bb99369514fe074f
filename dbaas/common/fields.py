"""Serializer fields with the contract's leniency (1.1.2): digits as numbers, 0 and 1 as flags, URLs as ids.

Each is strict about everything else, and says in the OpenAPI document exactly what it takes.
"""

import ipaddress
import re
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from guestagent.protocol.secret import Secret

_DIGITS = re.compile(r"[0-9]{1,18}")
_ALPHANUMERIC = re.compile(r"[^\W_]")


class StrictSerializer(serializers.Serializer[Any]):
    """Refuses keys that it doesn't know (the plain `Serializer` ignores them)."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping):
            unknown = [key for key in data if key not in self.fields]
            if unknown:
                raise serializers.ValidationError({str(unknown[0])[:80]: ["is not a known key."]})
        return super().to_internal_value(data)


class Text(serializers.CharField):
    """A string, kept as it is: no trimming, and no number made into one."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("trim_whitespace", False)
        kwargs.setdefault("max_length", 255)
        super().__init__(**kwargs)

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


@extend_schema_field({"type": "string", "minLength": 1, "maxLength": 255, "pattern": "[A-Za-z0-9]"})
class NonEmptyString(Text):
    """1 to 255 characters, at least one of them a letter or a digit."""

    def to_internal_value(self, data: Any) -> str:
        value = super().to_internal_value(data)
        if not _ALPHANUMERIC.search(value):
            raise serializers.ValidationError("must hold at least one letter or digit.")
        return value


class LenientInteger(serializers.Field[int, Any, int, Any]):
    """A whole number, also as a string of digits: ``5`` or ``"5"``."""

    def __init__(self, *, min_value: int = 0, max_value: int = 2**31 - 1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.min_value, self.max_value = min_value, max_value

    def to_internal_value(self, data: Any) -> int:
        if isinstance(data, str) and _DIGITS.fullmatch(data):
            data = int(data)
        if isinstance(data, bool) or not isinstance(data, int):
            raise serializers.ValidationError("must be a whole number.")
        if not self.min_value <= data <= self.max_value:
            raise serializers.ValidationError(f"must be from {self.min_value} to {self.max_value}.")
        return data

    def to_representation(self, value: int) -> int:
        return value


@extend_schema_field(
    {
        "oneOf": [
            {"type": "boolean"},
            {"type": "integer", "enum": [0, 1]},
            {"type": "string", "enum": ["0", "1", "true", "false", "True", "False"]},
        ]
    }
)
class BooleanString(serializers.Field[bool, Any, bool, Any]):
    """Yes or no: ``1``, ``0``, ``true``, ``false``, also as strings."""

    def to_internal_value(self, data: Any) -> bool:
        if isinstance(data, bool):
            return data
        word = str(data).lower() if isinstance(data, str | int) else ""
        if word in {"1", "true"}:
            return True
        if word in {"0", "false"}:
            return False
        raise serializers.ValidationError("must be 0 or 1.")

    def to_representation(self, value: bool) -> bool:
        return value


@extend_schema_field(
    {
        "oneOf": [
            {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "[A-Za-z0-9]"},
            {"type": "integer", "minimum": 0},
        ]
    }
)
class FlavorRef(serializers.Field[str, Any, str, Any]):
    """A flavor's id as a string or a number, or its URL (the last part is the id)."""

    def to_internal_value(self, data: Any) -> str:
        if isinstance(data, int) and not isinstance(data, bool) and 0 <= data < 10**18:
            return str(data)
        if not isinstance(data, str) or len(data) > 255:
            raise serializers.ValidationError("must be a flavor's id or URL.")
        key = data.rstrip("/").rsplit("/", 1)[-1]
        if not _ALPHANUMERIC.search(key):
            raise serializers.ValidationError("must be a flavor's id or URL.")
        return key

    def to_representation(self, value: str) -> str:
        return value


@extend_schema_field({"type": "string", "format": "uuid"})
class UuidString(serializers.Field[str, Any, str, Any]):
    """A UUID with dashes; 32 hexadecimal digits without them are taken too."""

    def to_internal_value(self, data: Any) -> str:
        try:
            if isinstance(data, str) and len(data) in {32, 36}:
                return str(uuid.UUID(data))
        except ValueError:
            pass
        raise serializers.ValidationError("must be a UUID.")

    def to_representation(self, value: str) -> str:
        return value


@extend_schema_field({"type": "string", "description": "An address or a network, as 10.0.0.0/8 or fd00::/8."})
class Cidr(serializers.Field[str, Any, str, Any]):
    """An IPv4 or IPv6 network, or one address."""

    def to_internal_value(self, data: Any) -> str:
        try:
            if isinstance(data, str) and len(data) <= 64:
                ipaddress.ip_network(data, strict=False)
                return data
        except ValueError:
            pass
        raise serializers.ValidationError("must be an address or a network (CIDR).")

    def to_representation(self, value: str) -> str:
        return value


@extend_schema_field(
    {
        "type": "string",
        "nullable": True,
        "description": "An id, or a URL ending in one; null or empty: none.",
    }
)
class OptionalUuidRef(serializers.Field[uuid.UUID | None, Any, Any, Any]):
    """A UUID or a URL whose last part is one; an empty text is None."""

    def to_internal_value(self, data: Any) -> uuid.UUID | None:
        if data == "":
            return None
        if isinstance(data, str) and len(data) <= 1024:
            text = data.rstrip("/").rsplit("/", 1)[-1]
            try:
                if len(text) in {32, 36}:
                    return uuid.UUID(text)
            except ValueError:
                pass
        raise serializers.ValidationError("must be an id, or null.")

    def to_representation(self, value: Any) -> Any:
        return value


def require_unique(items: Sequence[Any], what: str) -> None:
    """Raises a validation error unless all items differ."""
    if len(set(items)) != len(items):
        raise serializers.ValidationError(f"names the same {what} twice.")


@extend_schema_field({"type": "string", "minLength": 1, "maxLength": 255, "format": "password"})
class SecretText(serializers.Field[Secret, Any, str, Any]):
    """A password: from here on it is a `Secret` and does not show itself."""

    max_length = 255

    def to_internal_value(self, data: Any) -> Secret:
        if not isinstance(data, str) or not 1 <= len(data) <= self.max_length:
            raise serializers.ValidationError(f"must be a string of 1 to {self.max_length} characters.")
        return Secret(data)

    def to_representation(self, value: Secret) -> str:
        return str(value)
