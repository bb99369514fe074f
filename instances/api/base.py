"""What the views of an instance share."""

from collections.abc import Mapping
from typing import Any, Final, TypeVar, cast

from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from dbaas.accounts import policy
from dbaas.common import context
from dbaas.common.views import ProjectView
from dbaas.taskmanager.models import Operation
from instances.models import Instance
from instances.selectors import instance_get_for_project

Body = TypeVar("Body", bound=serializers.BaseSerializer[Any])
ACCEPTED: Final = OpenApiResponse(description="Taken in; the operation named by X-Operation-Id does it.")
OPERATION_HEADER: Final = OpenApiParameter(
    "X-Operation-Id", str, OpenApiParameter.HEADER, response=[200, 202], description="See /operations/{id}."
)


class InstanceBaseView(ProjectView):
    """A view below ``/instances/{instance_id}``."""

    def instance(self) -> Instance:
        """The instance that the URL names. Raises NotFound, for other projects' instances too."""
        return instance_get_for_project(project_id=self.project_id, instance_id=self.kwargs["instance_id"])

    def require(self, rule: str) -> None:
        """Raises Forbidden unless the caller may do this, too."""
        policy.enforce(self.caller, rule, {"tenant": self.project_id})


def validated(kind: type[Body], request: Request) -> Body:
    """The body, read by this serializer. Raises ValidationError (400)."""
    body = kind(data=request.data)
    body.is_valid(raise_exception=True)
    return body


def checked(kind: type[Body], given: Any) -> Mapping[str, Any]:
    """A part of the body, likewise."""
    body = kind(data=given)
    body.is_valid(raise_exception=True)
    return cast("Mapping[str, Any]", body.validated_data)


def accepted(operation: Operation | None = None, *, data: Any = None, status: int = 202) -> Response:
    """The answer to what is done later; it names the operation that does it."""
    response = Response(data, status=status)
    if operation is not None:
        context.bind(operation_id=str(operation.pk))
        response["X-Operation-Id"] = str(operation.pk)
    return response
