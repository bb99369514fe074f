"""Modules (contract 1.10)."""

from typing import Any, ClassVar

from django.conf import settings
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from datastores import selectors as catalogue
from dbaas.common.errors import NotImplementedHere
from dbaas.common.pagination import page_body, page_request, paginate
from dbaas.common.schema import PAGING, LinkBody
from dbaas.common.views import ProjectView
from instances import module_selectors as selectors
from instances.api import module_serializers as bodies
from instances.api.base import InstanceBaseView, validated
from instances.models import Module
from instances.services import modules as services

_ONE = inline_serializer("ModuleEnvelope", {"module": bodies.ModuleSchema()})
_MANY = inline_serializer(
    "ModuleList", {"modules": bodies.ModuleSchema(many=True), "links": LinkBody(many=True, required=False)}
)
_APPLIED = inline_serializer("AppliedModules", {"modules": bodies.AppliedModuleSchema(many=True)})
_ON = inline_serializer(
    "ModuleInstances", {"instances": serializers.ListField(child=serializers.DictField())}
)
_MODULE_ID = OpenApiParameter("module_id", str, OpenApiParameter.PATH)


class ModuleBaseView(ProjectView):
    def module(self) -> Module:
        return selectors.module_get(
            project_id=self.project_id, is_admin=self.caller.is_admin, module_id=self.kwargs["module_id"]
        )

    def shown(self, module: Module) -> dict[str, Any]:
        return bodies.shown(self.request, module) | {
            "instance_count": module.applied.filter(instance__deleted_at=None).count()
        }


def _with_datastore(given: dict[str, Any]) -> dict[str, Any]:
    """`datastore`: {type, version} of the body as rows; `all_…` clears them. Raises NotFound."""
    changes = bodies.attributes(given)
    wanted = changes.pop("datastore", None) or {}
    if changes.pop("all_datastores", False):
        changes |= {"datastore": None, "datastore_version": None}
    if changes.pop("all_datastore_versions", False):
        changes["datastore_version"] = None
    if wanted.get("type"):
        changes["datastore"] = catalogue.datastore_get(wanted["type"])
    if wanted.get("version"):
        version = catalogue.resolve_version(
            datastore=wanted.get("type"),
            version=wanted["version"],
            version_number=None,
            include_inactive=True,
        )
        changes |= {"datastore": version.datastore, "datastore_version": version}
    return changes


class ModuleListView(ModuleBaseView):
    policies: ClassVar = {"GET": "module:index", "POST": "module:create"}

    @extend_schema(
        operation_id="module_list",
        summary="List modules that the project may use",
        tags=["Modules"],
        parameters=[*PAGING, OpenApiParameter("datastore", str, description="Name or id.")],
        responses=_MANY,
    )
    def get(self, request: Request, **kwargs: str) -> Response:
        found = selectors.module_list(project_id=self.project_id, is_admin=self.caller.is_admin)
        if ref := request.query_params.get("datastore"):
            found = found.filter(datastore=catalogue.datastore_get(ref))
        page = paginate(found, page_request(request, page_size=settings.INSTANCES_PAGE_SIZE, largest=1000))
        shown = [
            bodies.shown(request, module) | {"instance_count": module.instance_count}  # type: ignore[attr-defined]
            for module in page.items
        ]
        return Response(page_body(request, "modules", shown, page.next_marker))

    @extend_schema(
        operation_id="module_create",
        summary="Create a module; its contents are kept sealed and never shown",
        tags=["Modules"],
        request=bodies.ModuleCreateBody,
        responses={200: _ONE},
    )
    def post(self, request: Request, **kwargs: str) -> Response:
        given = _with_datastore(validated(bodies.ModuleCreateBody, request).validated_data["module"])
        return Response({"module": self.shown(services.module_create(caller=self.caller, **given))})


class ModuleView(ModuleBaseView):
    policies: ClassVar = {"GET": "module:show", "PUT": "module:update", "DELETE": "module:delete"}

    @extend_schema(
        operation_id="module_show", summary="Show a module", tags=["Modules"], parameters=[_MODULE_ID],
        responses=_ONE,
    )  # fmt: skip
    def get(self, request: Request, **kwargs: str) -> Response:
        return Response({"module": self.shown(self.module())})

    @extend_schema(
        operation_id="module_update",
        summary="Change a module that no instance has, or that is for live updates",
        tags=["Modules"],
        parameters=[_MODULE_ID],
        request=bodies.ModuleChangeBody,
        responses=_ONE,
    )
    def put(self, request: Request, **kwargs: str) -> Response:
        module = self.module()
        given = _with_datastore(validated(bodies.ModuleChangeBody, request).validated_data["module"])
        changed = services.module_update(caller=self.caller, module=module, **given)
        return Response({"module": self.shown(changed)})

    @extend_schema(
        operation_id="module_delete",
        summary="Delete a module that no instance has",
        tags=["Modules"],
        parameters=[_MODULE_ID],
        responses={200: OpenApiResponse(description="Done.")},
    )
    def delete(self, request: Request, **kwargs: str) -> Response:
        services.module_delete(caller=self.caller, module=self.module())
        return Response(status=200)


class ModuleInstancesView(ModuleBaseView):
    policies: ClassVar = {"GET": "module:instances", "PUT": "module:reapply"}

    @extend_schema(
        operation_id="module_instances",
        summary="List the instances that have a module, or count them",
        tags=["Modules"],
        parameters=[_MODULE_ID, OpenApiParameter("count_only", str)],
        responses=_ON,
    )
    def get(self, request: Request, **kwargs: str) -> Response:
        module = self.module()
        rows = list(
            selectors.instances_with(module=module, project_id=self.project_id, is_admin=self.caller.is_admin)
        )
        if request.query_params.get("count_only", "").lower() in {"true", "1"}:
            counted = [
                {
                    "module_md5": md5,
                    "current": md5 == module.md5,
                    "instance_count": sum(row.md5 == md5 for row in rows),
                }
                for md5 in sorted({row.md5 for row in rows})
            ]
            return Response({"instances": counted})
        return Response(
            {"instances": [{"id": str(row.instance_id), "name": row.instance.name} for row in rows]}
        )

    @extend_schema(exclude=True)
    def put(self, request: Request, **kwargs: str) -> Response:
        self.module()
        raise NotImplementedHere("Applying a module again to all its instances is not served yet.")


class InstanceModulesView(InstanceBaseView):
    policies: ClassVar = {"GET": "instance:module_list", "POST": "instance:module_apply"}
    waits_for_guest = True

    @extend_schema(
        operation_id="instance_module_list",
        summary="List the modules that an instance has",
        tags=["Modules"],
        responses=_APPLIED,
    )
    def get(self, request: Request, **kwargs: str) -> Response:
        rows = selectors.applied_list(instance=self.instance())
        return Response({"modules": [bodies.applied(request, row) for row in rows]})

    @extend_schema(
        operation_id="instance_module_apply",
        summary="Apply modules to an instance",
        tags=["Modules"],
        request=bodies.ModulesBody,
        responses={200: _APPLIED},
    )
    def post(self, request: Request, **kwargs: str) -> Response:
        instance = self.instance()
        wanted = {item["id"] for item in validated(bodies.ModulesBody, request).validated_data["modules"]}
        modules = [
            selectors.module_get(project_id=self.project_id, is_admin=self.caller.is_admin, module_id=key)
            for key in sorted(wanted)
        ]
        rows = services.modules_apply(instance=instance, modules=modules)
        return Response({"modules": [bodies.applied(request, row) for row in rows]})


class InstanceModuleView(InstanceBaseView):
    policies: ClassVar = {"DELETE": "instance:module_remove"}

    @extend_schema(
        operation_id="instance_module_remove",
        summary="Remove a module from an instance",
        tags=["Modules"],
        parameters=[_MODULE_ID],
        responses={200: OpenApiResponse(description="Done.")},
    )
    def delete(self, request: Request, module_id: str, **kwargs: str) -> Response:
        instance = self.instance()
        module = selectors.module_get(project_id=self.project_id, is_admin=True, module_id=module_id)
        services.module_remove(instance=instance, module_id=module.pk)
        return Response(status=200)
