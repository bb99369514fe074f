"""``/operations``: what is being done, and how it went (ours; Trove has nothing like it)."""

from typing import ClassVar

from drf_spectacular.utils import OpenApiParameter, extend_schema, inline_serializer
from rest_framework.request import Request
from rest_framework.response import Response

from dbaas.common.errors import BadRequest
from dbaas.common.pagination import page_body, page_request, paginate
from dbaas.common.views import ProjectView
from dbaas.taskmanager import selectors
from dbaas.taskmanager.api.serializers import OperationSerializer
from dbaas.taskmanager.models import State

PAGE_SIZE = 100


class OperationListView(ProjectView):
    policies: ClassVar = {"GET": "operation:index"}

    @extend_schema(
        operation_id="operation_list",
        summary="List operations, newest first",
        tags=["Operations"],
        parameters=[
            OpenApiParameter("limit", int),
            OpenApiParameter("marker", str),
            OpenApiParameter("resource_id", str, description="Only operations on this instance or backup."),
            OpenApiParameter("state", str, enum=list(State.values)),
        ],
        responses=inline_serializer("OperationList", {"operations": OperationSerializer(many=True)}),
    )
    def get(self, request: Request, **kwargs: str) -> Response:
        state = request.query_params.get("state")
        if state is not None and state not in State.values:
            raise BadRequest(f"state must be one of {', '.join(State.values)}.")
        operations = selectors.operation_list(
            project_id=self.project_id, resource_id=request.query_params.get("resource_id"), state=state
        )
        page = paginate(operations, page_request(request, page_size=PAGE_SIZE))
        shown = [OperationSerializer(operation).data for operation in page.items]
        return Response(page_body(request, "operations", shown, page.next_marker))


class OperationView(ProjectView):
    policies: ClassVar = {"GET": "operation:show"}

    @extend_schema(
        operation_id="operation_show",
        summary="Show an operation",
        tags=["Operations"],
        responses=inline_serializer("OperationShow", {"operation": OperationSerializer()}),
    )
    def get(self, request: Request, operation_id: str, **kwargs: str) -> Response:
        operation = selectors.operation_get_for_project(project_id=self.project_id, operation_id=operation_id)
        return Response({"operation": OperationSerializer(operation).data})
