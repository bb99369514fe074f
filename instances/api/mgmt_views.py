"""Every project's instances, for operators (contract 1.8)."""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Final, TypeVar

import msgspec
from django.conf import settings
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from dbaas.common.errors import BadRequest, NotImplementedHere, Unprocessable
from dbaas.common.pagination import page_body
from dbaas.common.views import ProjectView
from guestagent.protocol.commands import Command, GetDiagnostics, GetHardware, Ping
from guestagent.protocol.types import Diagnostics, Hardware
from instances.api import mgmt_rendering as rendering
from instances.api.actions import one_action
from instances.api.base import ACCEPTED, OPERATION_HEADER, accepted
from instances.api.filters import LIST_PARAMETERS, instance_page
from instances.guest import GuestClient
from instances.models import Instance, RootHistory
from instances.selectors import instance_get_any, instance_list
from instances.services.delete import instance_reset_status
from instances.services.power import instance_stop
from instances.services.rebuild import instance_migrate, instance_rebuild
from instances.services.restart import instance_reboot

Result = TypeVar("Result")
#: Pages of operators are not capped in Trove; ours are, generously.
LARGEST_PAGE: Final = 1000
_DELETED: Final = OpenApiParameter("deleted", str, description="true: the deleted ones; else the others.")
_OF_PROJECT: Final = OpenApiParameter("project_id", str, description="Of one project.")


def _flag(request: Request, name: str) -> bool:
    """Also in Python's spelling, which Trove's client uses."""
    word = request.query_params.get(name, "").lower()
    if word not in {"", "true", "false", "1", "0"}:
        raise BadRequest(f"{name} must be true or false.")
    return word in {"true", "1"}


class ManagedInstanceListView(ProjectView):
    policies: ClassVar = {"GET": "mgmt:instance:index"}

    @extend_schema(
        operation_id="mgmt_instance_list",
        summary="List every project's instances, newest first",
        tags=["Management"],
        parameters=[*LIST_PARAMETERS, _DELETED, _OF_PROJECT],
        responses=rendering.ManagedInstanceListSchema,
    )
    def get(self, request: Request, **kwargs: str) -> Response:
        of_project = request.query_params.get("project_id") or None
        if of_project is not None and "\0" in of_project:
            raise BadRequest("project_id holds a character that nothing has.")
        wants_deleted = _flag(request, "deleted")
        found = instance_list(project_id=of_project, include_deleted=wants_deleted)
        if wants_deleted:
            found = found.exclude(deleted_at=None)
        page = instance_page(found, request, largest=LARGEST_PAGE)
        items = [rendering.listed(request, instance) for instance in page.items]
        return Response(page_body(request, "instances", items, page.next_marker))


class ManagedInstanceBaseView(ProjectView):
    """A view below ``/mgmt/instances/{instance_id}``."""

    def instance(self, *, include_deleted: bool = False) -> Instance:
        return instance_get_any(instance_id=self.kwargs["instance_id"], include_deleted=include_deleted)

    def newest_root(self, instance: Instance) -> RootHistory | None:
        return RootHistory.objects.filter(instance=instance).first()

    def ask(self, command: Command, kind: type[Result]) -> Result:
        """The guest's answer. Raises GuestSilent, and Unprocessable for one that is none."""
        guest = GuestClient(self.instance())
        answer = guest.ask(command, timeout_seconds=settings.AGENT_CALL_LOW_TIMEOUT)
        try:
            return msgspec.convert(answer, kind)
        except msgspec.ValidationError as error:
            raise Unprocessable("The guest's answer makes no sense to this service.") from error


class ManagedInstanceView(ManagedInstanceBaseView):
    policies: ClassVar = {"GET": "mgmt:instance:show"}

    @extend_schema(
        operation_id="mgmt_instance_show",
        summary="Show any instance, with what is behind it",
        tags=["Management"],
        parameters=[_DELETED],
        responses=rendering.ManagedInstanceEnvelopeSchema,
    )
    def get(self, request: Request, **kwargs: str) -> Response:
        instance = self.instance(include_deleted=_flag(request, "deleted"))
        return Response({"instance": rendering.shown(request, instance, self.newest_root(instance))})


class RootHistoryView(ManagedInstanceBaseView):
    policies: ClassVar = {"GET": "mgmt:instance:show"}

    @extend_schema(
        operation_id="mgmt_instance_root_history",
        summary="When and by whom the superuser was enabled last",
        tags=["Management"],
        responses=rendering.RootHistorySchema,
    )
    def get(self, request: Request, **kwargs: str) -> Response:
        instance = self.instance()
        return Response({"root_history": rendering.root_history(instance, self.newest_root(instance))})


class HwInfoView(ManagedInstanceBaseView):
    policies: ClassVar = {"GET": "mgmt:instance:show"}

    @extend_schema(
        operation_id="mgmt_instance_hwinfo",
        summary="Ask the guest what it runs on",
        tags=["Management"],
        responses=rendering.HwInfoSchema,
    )
    def get(self, request: Request, **kwargs: str) -> Response:
        return Response({"hwinfo": rendering.hwinfo(self.ask(GetHardware(), Hardware))})


class DiagnosticsView(ManagedInstanceBaseView):
    policies: ClassVar = {"GET": "mgmt:instance:show"}

    @extend_schema(
        operation_id="mgmt_instance_diagnostics",
        summary="Ask the guest how its processes do",
        tags=["Management"],
        responses=rendering.DiagnosticsSchema,
    )
    def get(self, request: Request, **kwargs: str) -> Response:
        return Response({"diagnostics": rendering.diagnostics(self.ask(GetDiagnostics(), Diagnostics))})


class RpcPingView(ManagedInstanceBaseView):
    policies: ClassVar = {"GET": "mgmt:instance:show"}

    @extend_schema(
        operation_id="mgmt_instance_rpc_ping",
        summary="Ask the guest to answer",
        tags=["Management"],
        responses={204: OpenApiResponse(description="It did.")},
    )
    def get(self, request: Request, **kwargs: str) -> Response:
        self.ask(Ping(), dict)
        return Response(status=204)


_ACTION_SCHEMA: Final = {
    "type": "object",
    "minProperties": 1,
    "maxProperties": 1,
    "properties": {
        "stop": {"type": "object"},
        "reboot": {"type": "object"},
        "migrate": {"type": "object", "properties": {"host": {"type": "string"}}},
        "reset-task-status": {"type": "object"},
        "rebuild": {
            "type": "object",
            "properties": {"image_id": {"type": "string"}},
            "required": ["image_id"],
        },
    },
    "additionalProperties": False,
}


class ManagedInstanceActionView(ManagedInstanceBaseView):
    policies: ClassVar = {"POST": "mgmt:instance:action"}

    @extend_schema(
        operation_id="mgmt_instance_action",
        summary="Stop, reboot, migrate, rebuild or reset any instance",
        tags=["Management"],
        parameters=[OPERATION_HEADER],
        request={"application/json": _ACTION_SCHEMA},
        responses={202: ACCEPTED},
    )
    def post(self, request: Request, **kwargs: str) -> Response:
        verb, given = one_action(request.data, self.actions)
        return self.actions[verb](self, given)

    def stop(self, given: Mapping[str, Any]) -> Response:
        return accepted(instance_stop(caller=self.caller, instance=self.instance()))

    def reboot(self, given: Mapping[str, Any]) -> Response:
        return accepted(instance_reboot(caller=self.caller, instance=self.instance()))

    def migrate(self, given: Mapping[str, Any]) -> Response:
        if given.get("host") is not None and not isinstance(given["host"], str):
            raise BadRequest("Validation error: migrate.host must be a string.")
        operation = instance_migrate(caller=self.caller, instance=self.instance(), host=given.get("host"))
        return accepted(operation)

    def reset_task_status(self, given: Mapping[str, Any]) -> Response:
        instance_reset_status(caller=self.caller, instance=self.instance())
        return accepted()

    def rebuild(self, given: Mapping[str, Any]) -> Response:
        if not isinstance(given.get("image_id"), str) or not given["image_id"]:
            raise BadRequest("Validation error: rebuild.image_id is needed.")
        operation = instance_rebuild(caller=self.caller, instance=self.instance(), image_id=given["image_id"])
        return accepted(operation)

    actions: ClassVar[Mapping[str, Callable[["ManagedInstanceActionView", Mapping[str, Any]], Response]]] = {
        "stop": stop,
        "reboot": reboot,
        "migrate": migrate,
        "reset-task-status": reset_task_status,
        "rebuild": rebuild,
    }


class GuestUpgradeView(ManagedInstanceBaseView):
    """Trove's route for upgrading a guest agent; there it leads nowhere, too."""

    policies: ClassVar = {"POST": "mgmt:instance:action"}

    @extend_schema(exclude=True)
    def post(self, request: Request, **kwargs: str) -> Response:
        self.instance()
        raise NotImplementedHere("Guest agents are upgraded with the control plane, not over the API.")
