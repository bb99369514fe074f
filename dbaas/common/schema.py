"""What every operation has in common in the OpenAPI document: the token, the error answers, the headers."""

from typing import Any, Final

from drf_spectacular.extensions import OpenApiAuthenticationExtension, OpenApiSerializerFieldExtension
from drf_spectacular.utils import OpenApiParameter, inline_serializer
from rest_framework import serializers

PAGING: Final = [
    OpenApiParameter("limit", {"type": "integer", "minimum": 1}, description="Items per page; capped."),
    OpenApiParameter("marker", str, description="Where the page before ended: the marker of its next link."),
]
LINKS: Final = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {"rel": {"type": "string"}, "href": {"type": "string"}},
        "required": ["rel", "href"],
    },
}
_ERROR: Final = {
    "type": "object",
    "description": "One key, the fault's name.",
    "minProperties": 1,
    "maxProperties": 1,
    "additionalProperties": {
        "type": "object",
        "properties": {"code": {"type": "integer"}, "message": {"type": "string"}},
        "required": ["code", "message"],
    },
}
_ALWAYS: Final = {
    "400": "The request is malformed.",
    "401": "No valid token came with it.",
    "403": "The policy does not allow it.",
    "404": "There is no such thing in this project.",
    "405": "The method is not there.",
    "406": "Only JSON is served.",
    "413": "A quota, a rate limit or the size limit.",
    "415": "The body is not JSON.",
    "503": "A part of the service is away.",
}
_ON_WRITE: Final = {
    "409": "It conflicts with what is there.",
    "422": "The instance can't do this now.",
    "501": "Not served here.",
}


class LinkBody(serializers.Serializer[Any]):
    rel = serializers.CharField()
    href = serializers.CharField()


_version_fields: dict[str, Any] = {
    "id": serializers.CharField(),
    "status": serializers.CharField(),
    "updated": serializers.CharField(),
    "links": LinkBody(many=True),
}
_Version = inline_serializer("ApiVersion", fields=_version_fields)
VersionsBody = inline_serializer("ApiVersions", fields={"versions": serializers.ListField(child=_Version)})
VersionBody = inline_serializer("ApiVersionEnvelope", fields={"version": _Version})


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "dbaas.accounts.authentication.TokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "apiKey", "in": "header", "name": "X-Auth-Token"}


class LenientIntegerField(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    target_class = "dbaas.common.fields.LenientInteger"

    def map_serializer_field(self, auto_schema: Any, direction: str) -> dict[str, Any]:
        limits = {"minimum": self.target.min_value, "maximum": self.target.max_value}
        digits = "^[1-9][0-9]{0,8}$" if self.target.min_value else "^[0-9]{1,9}$"
        return {"oneOf": [{"type": "integer", **limits}, {"type": "string", "pattern": digits}]}


def only_api_routes(endpoints: list[tuple[str, str, str, Any]]) -> list[tuple[str, str, str, Any]]:
    """Pre-processing hook: the versions and what is under ``/v1.0/``; identity is documented by Keystone."""
    return [endpoint for endpoint in endpoints if endpoint[0] == "/" or endpoint[0].startswith("/v1.0/")]


def add_common_answers(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """Post-processing hook: document the errors and headers that every operation may answer with."""
    schemas = result.setdefault("components", {}).setdefault("schemas", {})
    schemas["Error"] = _ERROR
    for path, operations in result["paths"].items():
        for method, operation in operations.items():
            if isinstance(operation, dict) and "responses" in operation:
                _complete(path, method, operation)
    return result


def _complete(path: str, method: str, operation: dict[str, Any]) -> None:
    answers = operation["responses"]
    reads = method == "get"
    for status, text in {**_ALWAYS, **({} if reads and "instance_id" not in path else _ON_WRITE)}.items():
        answers.setdefault(status, _answer(text))
    if method == "post":
        operation.setdefault("parameters", []).append(
            {
                "name": "Idempotency-Key",
                "in": "header",
                "required": False,
                "schema": {"type": "string", "pattern": "^[!-~]{1,255}$"},
                "description": "The same request sent again is answered again, not done again.",
            }
        )


def _answer(text: str) -> dict[str, Any]:
    return {
        "description": text,
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
    }
