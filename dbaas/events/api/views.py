"""``/events``: what happened (ours; Trove has nothing like it)."""

from typing import ClassVar

from drf_spectacular.utils import OpenApiParameter, extend_schema, inline_serializer
from rest_framework.request import Request
from rest_framework.response import Response

from dbaas.common.pagination import page_body, page_request, paginate
from dbaas.common.schema import PAGING
from dbaas.common.views import ProjectView
from dbaas.events import selectors
from dbaas.events.api.serializers import EventSerializer
from dbaas.events.api.times import moment

PAGE_SIZE = 100
_FILTERS = {
    "resource_id": "Of this instance, backup, …",
    "resource_type": "Of instances, backups, …: `instance`, `backup`, …",
    "type": "Of this type, or of all that begin with it up to a dot.",
    "actor": "Caused by this user (id).",
    "request_id": "Caused by this request.",
}


class EventListView(ProjectView):
    policies: ClassVar = {"GET": "event:index"}

    @extend_schema(
        operation_id="event_list",
        summary="List events, newest first",
        tags=["Events"],
        parameters=[
            *PAGING,
            *(OpenApiParameter(name, str, description=text) for name, text in _FILTERS.items()),
            OpenApiParameter("since", str, description="Not before this time (ISO 8601, UTC)."),
            OpenApiParameter("until", str, description="Before this time."),
        ],
        responses=inline_serializer("EventList", {"events": EventSerializer(many=True)}),
    )
    def get(self, request: Request, **kwargs: str) -> Response:
        given = request.query_params
        events = selectors.event_list(
            project_id=self.project_id,
            **{name: given.get(name) or None for name in _FILTERS},
            since=moment("since", given.get("since")),
            until=moment("until", given.get("until")),
        )
        page = paginate(events, page_request(request, page_size=PAGE_SIZE))
        shown = [EventSerializer(event).data for event in page.items]
        return Response(page_body(request, "events", shown, page.next_marker))


class EventView(ProjectView):
    policies: ClassVar = {"GET": "event:show"}

    @extend_schema(
        operation_id="event_show",
        summary="Show an event",
        tags=["Events"],
        responses=inline_serializer("EventShow", {"event": EventSerializer()}),
    )
    def get(self, request: Request, event_id: str, **kwargs: str) -> Response:
        event = selectors.event_get(project_id=self.project_id, event_id=event_id)
        return Response({"event": EventSerializer(event).data})
