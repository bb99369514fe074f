"""The project look-up that `openstack database quota` sends to the database endpoint (contract 9.1)."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from dbaas.accounts import identity
from dbaas.accounts.identity.base import ProjectInfo
from dbaas.common.errors import NotFound
from dbaas.common.views import ProjectView


def _shown(project: ProjectInfo) -> dict[str, Any]:
    return {"id": project.id, "name": project.name, "enabled": project.enabled}


class ProjectSerializer(serializers.Serializer[Any]):
    id = serializers.CharField()
    name = serializers.CharField()
    enabled = serializers.BooleanField()


class ProjectsView(ProjectView):
    policies = {"GET": "project:show"}

    @extend_schema(
        operation_id="projects_list",
        parameters=[OpenApiParameter("name", OpenApiTypes.STR, description="Name or id.")],
        responses=inline_serializer("ProjectList", {"projects": ProjectSerializer(many=True)}),
    )
    def get(self, request: Request, project_id: str) -> Response:
        """Find a project by name among those the caller may know of."""
        wanted = request.query_params.get("name", self.caller.project_id)
        found = identity.driver().find_projects(self.caller, id_or_name=wanted)
        return Response({"projects": [_shown(project) for project in found]})


class ProjectDetailView(ProjectView):
    policies = {"GET": "project:show"}

    @extend_schema(
        operation_id="projects_show",
        responses=inline_serializer("ProjectEnvelope", {"project": ProjectSerializer()}),
    )
    def get(self, request: Request, project_id: str, key: str) -> Response:
        """Show a project by id or name."""
        found = identity.driver().find_projects(self.caller, id_or_name=key)
        if not found:
            raise NotFound("There is no such project.")
        return Response({"project": _shown(found[0])})
