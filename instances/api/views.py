"""Instances (contract 1.3)."""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Final, cast

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from dbaas.common.errors import BadRequest, NotImplementedHere
from dbaas.common.pagination import page_body
from dbaas.common.views import ProjectView
from dbaas.taskmanager.models import Operation
from instances.api import rendering
from instances.api.actions import one_action
from instances.api.base import ACCEPTED, OPERATION_HEADER, InstanceBaseView, accepted, checked, validated
from instances.api.filters import LIST_PARAMETERS, instance_page
from instances.api.serializers import (
    InstanceCreateBody,
    InstanceUpdateBody,
    ResizeFlavorSerializer,
    ResizeVolumeSerializer,
)
from instances.models import Instance
from instances.selectors import instance_list
from instances.services.configuration import configuration_attach, configuration_detach
from instances.services.create import instance_create
from instances.services.delete import instance_delete, instance_reset_status
from instances.services.power import instance_start, instance_stop
from instances.services.resize import instance_resize_flavor, instance_resize_volume
from instances.services.restart import instance_restart
from instances.services.update import instance_update
from instances.services.upgrade import instance_upgrade


class InstanceListView(InstanceBaseView):
    policies: ClassVar = {"GET": "instance:index", "POST": "instance:create"}

    @extend_schema(
        operation_id="instance_list",
        summary="List instances, newest first",
        tags=["Instances"],
        parameters=LIST_PARAMETERS,
        responses=rendering.InstanceListSchema,
    )
    def get(self, request: Request, **kwargs: str) -> Response:
        return _list(self, rendering.brief)

    @extend_schema(
        operation_id="instance_create",
        summary="Create an instance",
        tags=["Instances"],
        parameters=[OPERATION_HEADER],
        request=InstanceCreateBody,
        responses={200: rendering.InstanceSchema},
    )
    def post(self, request: Request, **kwargs: str) -> Response:
        wanted = validated(InstanceCreateBody, request).to_request()
        if wanted.databases:
            self.require("instance:extension:database:create")
        if wanted.users:
            self.require("instance:extension:user:create")
        if wanted.configuration_id:
            self.require("instance:update")
        instance, operation = instance_create(caller=self.caller, request=wanted)
        return accepted(operation, data={"instance": rendering.detail(request, instance)}, status=200)


class InstanceDetailListView(ProjectView):
    policies: ClassVar = {"GET": "instance:detail"}

    @extend_schema(
        operation_id="instance_detail_list",
        summary="List instances with details",
        tags=["Instances"],
        parameters=LIST_PARAMETERS,
        responses=rendering.InstanceDetailListSchema,
    )
    def get(self, request: Request, **kwargs: str) -> Response:
        return _list(self, rendering.detail)


def _list(view: ProjectView, render: Callable[[Request, Instance], dict[str, Any]]) -> Response:
    page = instance_page(instance_list(project_id=view.project_id), view.request)
    shown = [render(view.request, instance) for instance in page.items]
    return Response(page_body(view.request, "instances", shown, page.next_marker))


class InstanceView(InstanceBaseView):
    policies: ClassVar = {
        "GET": "instance:show",
        "PUT": "instance:update",
        "PATCH": "instance:update",
        "DELETE": "instance:delete",
    }

    @extend_schema(
        operation_id="instance_show",
        summary="Show an instance",
        tags=["Instances"],
        responses=rendering.InstanceSchema,
    )
    def get(self, request: Request, **kwargs: str) -> Response:
        return Response({"instance": rendering.detail(request, self.instance(), with_use=True)})

    @extend_schema(
        operation_id="instance_update",
        summary="Rename or upgrade an instance, change its tags or protection, its configuration group",
        tags=["Instances"],
        parameters=[OPERATION_HEADER],
        request=InstanceUpdateBody,
        responses={202: OpenApiResponse(description="Done.")},
    )
    def put(self, request: Request, **kwargs: str) -> Response:
        instance = self.instance()
        given = validated(InstanceUpdateBody, request).validated_data["instance"]
        operation = self._configure(instance, given)
        if "datastore_version" in given:
            operation = instance_upgrade(
                caller=self.caller, instance=instance, datastore_version=given["datastore_version"]
            )
        instance_update(
            instance=instance,
            name=given.get("name"),
            tags=given.get("tags"),
            is_deletion_protected=given.get("deletion_protected"),
        )
        return accepted(operation)

    def _configure(self, instance: Instance, given: Mapping[str, Any]) -> Operation | None:
        """Attach or detach a configuration group; an empty object detaches, as in Trove."""
        group_id = given.get("configuration")
        if group_id is not None:
            return configuration_attach(caller=self.caller, instance=instance, group_id=group_id)
        if "configuration" in given or not cast("Mapping[str, Any]", self.request.data)["instance"]:
            return configuration_detach(caller=self.caller, instance=instance)
        return None

    @extend_schema(
        operation_id="instance_edit",
        summary="The same as PUT",
        tags=["Instances"],
        request=InstanceUpdateBody,
        responses={202: OpenApiResponse(description="Done.")},
    )
    def patch(self, request: Request, **kwargs: str) -> Response:
        return self.put(request, **kwargs)

    @extend_schema(
        operation_id="instance_delete",
        summary="Delete an instance",
        tags=["Instances"],
        parameters=[OPERATION_HEADER],
        responses={202: ACCEPTED},
    )
    def delete(self, request: Request, **kwargs: str) -> Response:
        return accepted(instance_delete(caller=self.caller, instance=self.instance()))


_ACTION_SCHEMA: Final = {
    "type": "object",
    "minProperties": 1,
    "maxProperties": 1,
    "properties": {
        "restart": {"type": "object"},
        "reset_status": {"type": "object"},
        "resize": {"type": "object"},
        "stop": {"type": "object"},
        "start": {"type": "object"},
        "promote_to_replica_source": {"type": "object"},
        "eject_replica_source": {"type": "object"},
    },
    "additionalProperties": False,
}


class InstanceActionView(InstanceBaseView):
    """One verb in the body; each has a policy rule of its own."""

    policies: ClassVar = {"POST": "instance:show"}

    @extend_schema(
        operation_id="instance_action",
        summary="Restart, resize, stop or start an instance, or reset its status",
        tags=["Instances"],
        parameters=[OPERATION_HEADER],
        request={"application/json": _ACTION_SCHEMA},
        responses={202: ACCEPTED},
    )
    def post(self, request: Request, **kwargs: str) -> Response:
        verb, given = one_action(request.data, self.actions)
        return self.actions[verb](self, given)

    def restart(self, given: Mapping[str, Any]) -> Response:
        self.require("instance:restart")
        return accepted(instance_restart(caller=self.caller, instance=self.instance()))

    def reset_status(self, given: Mapping[str, Any]) -> Response:
        self.require("instance:force_delete" if "force_delete" in given else "instance:reset_status")
        instance_reset_status(caller=self.caller, instance=self.instance())
        return accepted()

    def resize(self, given: Mapping[str, Any]) -> Response:
        if not given.keys() & {"volume", "flavorRef"}:
            raise BadRequest("Validation error: resize needs a volume or a flavorRef.")
        if "volume" in given:  # of two, the first that Trove looks for counts
            self.require("instance:resize_volume")
            size = checked(ResizeVolumeSerializer, given)["volume"]["size"]
            return accepted(
                instance_resize_volume(caller=self.caller, instance=self.instance(), size_gb=size)
            )
        self.require("instance:resize_flavor")
        flavor = checked(ResizeFlavorSerializer, given)["flavorRef"]
        return accepted(
            instance_resize_flavor(caller=self.caller, instance=self.instance(), flavor_ref=flavor)
        )

    def stop(self, given: Mapping[str, Any]) -> Response:
        self.require("instance:stop")
        return accepted(instance_stop(caller=self.caller, instance=self.instance()))

    def start(self, given: Mapping[str, Any]) -> Response:
        self.require("instance:start")
        return accepted(instance_start(caller=self.caller, instance=self.instance()))

    def promote_to_replica_source(self, given: Mapping[str, Any]) -> Response:
        return self._not_yet("instance:promote_to_replica_source", "Promoting replicas")

    def eject_replica_source(self, given: Mapping[str, Any]) -> Response:
        return self._not_yet("instance:eject_replica_source", "Ejecting a replica source")

    def _not_yet(self, rule: str, what: str) -> Response:
        self.require(rule)
        self.instance()
        raise NotImplementedHere(f"{what} is not served yet.")

    actions: ClassVar[Mapping[str, Callable[["InstanceActionView", Mapping[str, Any]], Response]]] = {
        "restart": restart,
        "reset_status": reset_status,
        "resize": resize,
        "stop": stop,
        "start": start,
        "promote_to_replica_source": promote_to_replica_source,
        "eject_replica_source": eject_replica_source,
    }


class NotYetView(InstanceBaseView):
    """Trove's routes that answer 501 until what they are about is there; hidden from the document."""

    what: ClassVar[str] = ""

    def _refuse(self) -> Response:
        self.instance()
        raise NotImplementedHere(f"{self.what} not served yet.")

    @extend_schema(exclude=True)
    def get(self, request: Request, **kwargs: str) -> Response:
        return self._refuse()


class NotYetWritableView(NotYetView):
    @extend_schema(exclude=True)
    def post(self, request: Request, **kwargs: str) -> Response:
        return self._refuse()


class InstanceBackupsView(InstanceBaseView):
    policies: ClassVar = {"GET": "instance:backups"}

    @extend_schema(exclude=True)
    def get(self, request: Request, **kwargs: str) -> Response:
        self.instance()
        return Response({"backups": []})  # there are none yet


class InstanceLogView(NotYetWritableView):
    policies: ClassVar = {"GET": "instance:guest_log_list", "POST": "instance:guest_log_update"}
    what: ClassVar = "Guest logs are"


class InstanceSslView(NotYetWritableView):
    policies: ClassVar = {"GET": "instance:show", "POST": "instance:update"}
    what: ClassVar = "Certificates of your own are"
