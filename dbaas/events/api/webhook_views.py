"""``/webhooks``: who is told of events."""

from typing import Any, ClassVar

from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from dbaas.common.errors import BadRequest
from dbaas.common.pagination import page_body, page_request, paginate
from dbaas.common.schema import PAGING
from dbaas.common.views import ProjectView
from dbaas.events import selectors, services
from dbaas.events.api.serializers import (
    DeliverySerializer,
    WebhookChangeBody,
    WebhookCreateBody,
    WebhookSerializer,
)
from dbaas.events.models import DeliveryState, Webhook
from guestagent.protocol.secret import Secret

PAGE_SIZE = 100
_Shown = inline_serializer("WebhookShow", {"webhook": WebhookSerializer()})


class WebhookListView(ProjectView):
    policies: ClassVar = {"GET": "webhook:index", "POST": "webhook:create"}
    waits_for_guest = True  # nothing is asked of a guest, but a name is looked up

    @extend_schema(
        operation_id="webhook_list",
        summary="List webhooks",
        tags=["Webhooks"],
        responses=inline_serializer("WebhookList", {"webhooks": WebhookSerializer(many=True)}),
    )
    def get(self, request: Request, **kwargs: str) -> Response:
        webhooks = selectors.webhook_list(project_id=self.project_id).order_by("-created_at", "-id")
        return Response({"webhooks": [WebhookSerializer(webhook).data for webhook in webhooks]})

    @extend_schema(
        operation_id="webhook_create",
        summary="Have events sent to a URL; the answer holds the signing secret, this once",
        tags=["Webhooks"],
        request=WebhookCreateBody,
        responses={201: _Shown},
    )
    def post(self, request: Request, **kwargs: str) -> Response:
        given = _given(WebhookCreateBody, request)
        webhook, secret = services.webhook_create(
            project_id=self.project_id, created_by=self.caller.user_id, **given
        )
        return Response(_body(webhook, secret), status=201)


class WebhookBaseView(ProjectView):
    def webhook(self) -> Webhook:
        return selectors.webhook_get(project_id=self.project_id, webhook_id=self.kwargs["webhook_id"])


class WebhookView(WebhookBaseView):
    policies: ClassVar = {"GET": "webhook:show", "PATCH": "webhook:update", "DELETE": "webhook:delete"}

    @extend_schema(operation_id="webhook_show", summary="Show a webhook", tags=["Webhooks"], responses=_Shown)
    def get(self, request: Request, **kwargs: str) -> Response:
        return Response(_body(self.webhook()))

    @extend_schema(
        operation_id="webhook_update",
        summary="Change a webhook, or give it a new signing secret",
        tags=["Webhooks"],
        request=WebhookChangeBody,
        responses=_Shown,
    )
    def patch(self, request: Request, **kwargs: str) -> Response:
        webhook = self.webhook()
        given = _given(WebhookChangeBody, request)
        _, secret = services.webhook_update(webhook=webhook, **given)
        return Response(_body(self.webhook(), secret))

    @extend_schema(
        operation_id="webhook_delete",
        summary="Delete a webhook, and what waits to be sent to it",
        tags=["Webhooks"],
        responses={204: OpenApiResponse(description="Done.")},
    )
    def delete(self, request: Request, **kwargs: str) -> Response:
        services.webhook_delete(webhook=self.webhook())
        return Response(status=204)


class DeliveryListView(WebhookBaseView):
    policies: ClassVar = {"GET": "webhook:show"}

    @extend_schema(
        operation_id="webhook_delivery_list",
        summary="List what was and is to be sent to a webhook, newest first",
        tags=["Webhooks"],
        parameters=[*PAGING, OpenApiParameter("state", str, enum=list(DeliveryState.values))],
        responses=inline_serializer("DeliveryList", {"deliveries": DeliverySerializer(many=True)}),
    )
    def get(self, request: Request, **kwargs: str) -> Response:
        webhook = self.webhook()
        state = request.query_params.get("state")
        if state is not None and state not in DeliveryState.values:
            raise BadRequest(f"state must be one of {', '.join(DeliveryState.values)}.")
        deliveries = selectors.delivery_list(webhook=webhook, state=state)
        page = paginate(deliveries, page_request(request, page_size=PAGE_SIZE))
        shown = [DeliverySerializer(delivery).data for delivery in page.items]
        return Response(page_body(request, "deliveries", shown, page.next_marker))


class RedriveView(WebhookBaseView):
    policies: ClassVar = {"POST": "webhook:update"}

    @extend_schema(
        operation_id="webhook_redrive",
        summary="Try again to send the events that were given up",
        tags=["Webhooks"],
        request=None,
        responses={202: inline_serializer("Redriven", {"redriven": serializers.IntegerField()})},
    )
    def post(self, request: Request, **kwargs: str) -> Response:
        return Response({"redriven": services.webhook_redrive(webhook=self.webhook())}, status=202)


def _given(kind: type[serializers.Serializer[Any]], request: Request) -> dict[str, Any]:
    body = kind(data=request.data)
    body.is_valid(raise_exception=True)
    given = dict(body.validated_data["webhook"])
    if "enabled" in given:
        given["is_enabled"] = given.pop("enabled")
    return given


def _body(webhook: Webhook, secret: Secret | None = None) -> dict[str, Any]:
    shown = dict(WebhookSerializer(webhook).data)
    if secret is not None:
        shown["secret"] = secret.reveal()
    return {"webhook": shown}
