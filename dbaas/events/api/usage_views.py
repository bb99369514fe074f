"""``/mgmt/usage``: what projects used, for operators."""

from datetime import datetime, timedelta
from typing import Any, ClassVar

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from dbaas.common.errors import BadRequest
from dbaas.common.times import api_timestamp
from dbaas.common.views import ProjectView
from dbaas.events import usage
from dbaas.events.api.serializers import UsageSerializer
from dbaas.events.api.times import moment

LONGEST = timedelta(days=366)
_fields: dict[str, Any] = {
    "start": serializers.CharField(),
    "end": serializers.CharField(),
    "usage": UsageSerializer(many=True),
}


class UsageView(ProjectView):
    policies: ClassVar = {"GET": "mgmt:usage:index"}

    @extend_schema(
        operation_id="usage_list",
        summary="What each project used, or each instance of one",
        tags=["Management"],
        parameters=[
            OpenApiParameter("start", str, description="ISO 8601, UTC; default: the month's beginning."),
            OpenApiParameter("end", str, description="Exclusive; default: now. At most a year later."),
            OpenApiParameter("project_id", str, description="Each instance of this project."),
        ],
        responses=inline_serializer("UsageList", _fields),
    )
    def get(self, request: Request, **kwargs: str) -> Response:
        given = request.query_params
        start, end = period(moment("start", given.get("start")), moment("end", given.get("end")))
        wanted = given.get("project_id")
        rows = usage.usage_of_resources(start, end, wanted) if wanted else usage.usage_of_projects(start, end)
        shown = [UsageSerializer(row).data for row in rows]
        return Response({"start": api_timestamp(start), "end": api_timestamp(end), "usage": shown})


def period(start: datetime | None, end: datetime | None) -> tuple[datetime, datetime]:
    """Raises BadRequest for one that is empty or longer than a year."""
    end = end or timezone.now()
    start = start or end.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    if not timedelta() < end - start <= LONGEST:
        raise BadRequest("The end must be after the start, and at most a year after it.")
    return start, end
