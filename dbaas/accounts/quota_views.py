"""Quotas of projects, for their owners to see and operators to set (contract 1.8)."""

import re
from typing import Any, ClassVar, Final

from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from dbaas.accounts import policy, quotas
from dbaas.accounts.models.quotas import Resource
from dbaas.common.errors import BadRequest, NotFound
from dbaas.common.views import ProjectView

_MAX_LIMIT: Final = 2**31 - 1
_NUMBER: Final = re.compile(r"-?[0-9]{1,10}")
_PROJECT: Final = re.compile(r"[\w.-]{1,64}", re.ASCII)
_line: dict[str, Any] = {
    "resource": serializers.CharField(),
    "in_use": serializers.IntegerField(),
    "reserved": serializers.IntegerField(),
    "limit": serializers.IntegerField(help_text="-1: no limit."),
}
_QuotaListBody = inline_serializer(
    "QuotaList", {"quotas": serializers.ListField(child=inline_serializer("QuotaLine", _line))}
)
_LIMITS: Final = {
    "type": "object",
    "minProperties": 1,
    "properties": {
        name: {"type": "integer", "minimum": quotas.UNLIMITED, "maximum": _MAX_LIMIT}
        for name in Resource.values
    },
    "additionalProperties": False,
}
_QUOTAS_SCHEMA: Final = {
    "type": "object",
    "properties": {"quotas": _LIMITS},
    "required": ["quotas"],
}


class ProjectQuotasView(ProjectView):
    """The project asked about is the last part of the path; the first one is the token's, as everywhere."""

    policies: ClassVar = {"GET": "mgmt:quota:show", "PUT": "mgmt:quota:update"}

    @extend_schema(
        operation_id="quota_show",
        summary="Show a project's quotas: one's own, or any for an operator",
        tags=["Management"],
        responses=_QuotaListBody,
    )
    def get(self, request: Request, target_project: str, **kwargs: str) -> Response:
        policy.enforce(self.caller, self.policies["GET"], {"tenant": target_project})
        lines = [
            {"resource": line.resource, "in_use": line.in_use, "reserved": line.reserved, "limit": line.limit}
            for line in quotas.usage(_known(target_project))
        ]
        return Response({"quotas": lines})

    @extend_schema(
        operation_id="quota_update",
        summary="Set some of a project's quotas",
        tags=["Management"],
        request={"application/json": _QUOTAS_SCHEMA},
        responses={(200, "application/json"): _QUOTAS_SCHEMA},
    )
    def put(self, request: Request, target_project: str, **kwargs: str) -> Response:
        limits = _limits_in(request.data)
        return Response({"quotas": quotas.set_limits(_known(target_project), limits)})


def _limits_in(body: Any) -> dict[str, int]:
    limits = body.get("quotas") if isinstance(body, dict) else None
    if not isinstance(limits, dict) or not limits:
        raise BadRequest("Validation error: quotas must be an object of resources and their limits.")
    return {name: _limit_in(name, limit) for name, limit in limits.items()}


def _limit_in(name: str, limit: Any) -> int:
    """A whole number, also as text."""
    if isinstance(limit, str) and _NUMBER.fullmatch(limit):
        limit = int(limit)
    if isinstance(limit, bool) or not isinstance(limit, int) or not quotas.UNLIMITED <= limit <= _MAX_LIMIT:
        raise BadRequest(f"Validation error: quotas.{name[:80]} must be a whole number from -1.")
    return limit


def _known(target_project: str) -> str:
    """Projects are not rows of ours where Keystone has them: only what cannot be an id is refused."""
    if not _PROJECT.fullmatch(target_project):
        raise NotFound("There is no such project.")
    return target_project
