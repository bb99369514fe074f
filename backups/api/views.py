"""Backups and where they go (contract 1.5). There are none yet: lists are empty, making one is refused."""

from typing import Any, ClassVar, Final

from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from dbaas.accounts import policy
from dbaas.common.errors import BadRequest, NotFound, NotImplementedHere
from dbaas.common.schema import PAGING
from dbaas.common.views import ProjectView

_NOTHING: Final = serializers.ListField(child=serializers.DictField(), max_length=0)
_PROJECT: Final = OpenApiParameter("project_id", str, description="Of another project: operators only.")
_INSTANCE: Final = OpenApiParameter("instance_id", str)


def _require_object(body: Any, key: str) -> None:
    if not isinstance(body, dict) or not isinstance(body.get(key), dict):
        raise BadRequest(f"Validation error: {key} must be an object.")


class BackupListView(ProjectView):
    policies: ClassVar = {"GET": "backup:index", "POST": "backup:create"}

    @extend_schema(
        operation_id="backup_list",
        summary="List backups",
        tags=["Backups"],
        parameters=[
            *PAGING,
            _INSTANCE,
            _PROJECT,
            OpenApiParameter("datastore", str),
            OpenApiParameter("all_projects", str, description="Operators only."),
        ],
        responses=inline_serializer("BackupList", {"backups": _NOTHING}),
    )
    def get(self, request: Request, **kwargs: str) -> Response:
        others = request.query_params.get("project_id") not in {None, "", self.project_id}
        if others or request.query_params.get("all_projects", "").lower() in {"true", "1"}:
            policy.enforce(self.caller, "backup:index:all_projects")
        return Response({"backups": []})

    @extend_schema(exclude=True)
    def post(self, request: Request, **kwargs: str) -> Response:
        _require_object(request.data, "backup")
        raise NotImplementedHere("Creating backups is not served yet.")


class BackupView(ProjectView):
    policies: ClassVar = {"GET": "backup:show", "DELETE": "backup:delete"}

    @extend_schema(exclude=True)
    def get(self, request: Request, backup_id: str, **kwargs: str) -> Response:
        raise NotFound(f"Backup {backup_id} cannot be found.")

    @extend_schema(exclude=True)
    def delete(self, request: Request, backup_id: str, **kwargs: str) -> Response:
        raise NotFound(f"Backup {backup_id} cannot be found.")


class BackupStrategiesView(ProjectView):
    policies: ClassVar = {
        "GET": "backup_strategy:index",
        "POST": "backup_strategy:create",
        "DELETE": "backup_strategy:delete",
    }

    @extend_schema(
        operation_id="backup_strategy_list",
        summary="List where backups go",
        tags=["Backups"],
        parameters=[_INSTANCE, _PROJECT],
        responses=inline_serializer("BackupStrategyList", {"backup_strategies": _NOTHING}),
    )
    def get(self, request: Request, **kwargs: str) -> Response:
        self._refuse_others(request)
        return Response({"backup_strategies": []})

    @extend_schema(exclude=True)
    def post(self, request: Request, **kwargs: str) -> Response:
        _require_object(request.data, "backup_strategy")
        raise NotImplementedHere("Backup strategies are not served yet.")

    @extend_schema(
        operation_id="backup_strategy_delete",
        summary="Forget where backups go; one that is not there is no error",
        tags=["Backups"],
        parameters=[_INSTANCE, _PROJECT],
        responses={202: OpenApiResponse(description="Done.")},
    )
    def delete(self, request: Request, **kwargs: str) -> Response:
        self._refuse_others(request)
        return Response(status=202)

    def _refuse_others(self, request: Request) -> None:
        if request.query_params.get("project_id") not in {None, "", self.project_id}:
            policy.enforce(self.caller, "admin")
