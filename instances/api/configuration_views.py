"""Configuration groups, and the defaults of an instance (contract 1.6, 1.3.1)."""

import uuid
from typing import Any, ClassVar

from django.conf import settings
from drf_spectacular.utils import OpenApiResponse, extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from datastores.models import ConfigurationGroup
from dbaas.common.pagination import page_body, page_request, paginate
from dbaas.common.schema import PAGING
from dbaas.common.views import ProjectView
from instances.api import configuration_serializers as shapes
from instances.api.base import InstanceBaseView, validated
from instances.models import Instance
from instances.selectors import configuration_defaults, group_get, group_list, group_users
from instances.services import configuration as services

CHANGED = OpenApiResponse(description="Changed; an operation for each instance applies it there.")


class GroupBaseView(ProjectView):
    def group(self) -> ConfigurationGroup:
        """The group that the URL names. Raises NotFound, for other projects' groups too."""
        return group_get(project_id=self.project_id, ref=self.kwargs["configuration_id"])

    def group_id(self) -> uuid.UUID:
        return self.group().pk


class GroupListView(ProjectView):
    policies: ClassVar = {"GET": "configuration:index", "POST": "configuration:create"}

    @extend_schema(
        operation_id="configuration_list",
        summary="List configuration groups, newest first",
        tags=["Configuration groups"],
        parameters=PAGING,
        responses=shapes.GroupListSchema,
    )
    def get(self, request: Request, **kwargs: str) -> Response:
        page = paginate(
            group_list(project_id=self.project_id),
            page_request(request, page_size=settings.CONFIGURATIONS_PAGE_SIZE),
        )
        shown = [shapes.brief(group) for group in page.items]
        return Response(page_body(request, "configurations", shown, page.next_marker))

    @extend_schema(
        operation_id="configuration_create",
        summary="Create a configuration group",
        tags=["Configuration groups"],
        request=shapes.GroupCreateBody,
        responses={200: shapes.GroupEnvelopeSchema},
    )
    def post(self, request: Request, **kwargs: str) -> Response:
        given = validated(shapes.GroupCreateBody, request).validated_data["configuration"]
        datastore = given.get("datastore") or {}
        group = services.group_create(
            caller=self.caller,
            name=given["name"],
            description=given.get("description") or "",
            values=given["values"],
            datastore=datastore.get("type"),
            version=datastore.get("version"),
            version_number=datastore.get("version_number"),
        )
        return Response({"configuration": shapes.detail(group)})


class GroupView(GroupBaseView):
    policies: ClassVar = {
        "GET": "configuration:show",
        "PATCH": "configuration:edit",
        "PUT": "configuration:update",
        "DELETE": "configuration:delete",
    }

    @extend_schema(
        operation_id="configuration_show",
        summary="Show a configuration group, and on which instances it is being applied or has failed",
        tags=["Configuration groups"],
        responses=shapes.GroupEnvelopeSchema,
    )
    def get(self, request: Request, **kwargs: str) -> Response:
        group = self.group()
        return Response({"configuration": shapes.detail(group, list(group_users(group)))})

    @extend_schema(
        operation_id="configuration_edit",
        summary="Change some values, also on the instances that use the group",
        tags=["Configuration groups"],
        request=shapes.GroupMergeBody,
        responses={200: CHANGED},
    )
    def patch(self, request: Request, **kwargs: str) -> Response:
        group_id = self.group_id()
        given = validated(shapes.GroupMergeBody, request).validated_data["configuration"]
        services.group_change(caller=self.caller, group_id=group_id, values=given["values"], is_merge=True)
        return Response(status=200)

    @extend_schema(
        operation_id="configuration_update",
        summary="Replace all values, also on the instances that use the group",
        tags=["Configuration groups"],
        request=shapes.GroupReplaceBody,
        responses={202: CHANGED},
    )
    def put(self, request: Request, **kwargs: str) -> Response:
        group_id = self.group_id()
        given = validated(shapes.GroupReplaceBody, request).validated_data["configuration"]
        services.group_change(
            caller=self.caller,
            group_id=group_id,
            name=given.get("name"),
            description=given.get("description"),
            values=given.get("values"),
        )
        return Response(status=202)

    @extend_schema(
        operation_id="configuration_delete",
        summary="Delete a configuration group that no instance uses",
        tags=["Configuration groups"],
        responses={202: OpenApiResponse(description="Deleted.")},
    )
    def delete(self, request: Request, **kwargs: str) -> Response:
        services.group_delete(caller=self.caller, group_id=self.group_id())
        return Response(status=202)


class GroupInstancesView(GroupBaseView):
    policies: ClassVar = {"GET": "configuration:instances"}

    @extend_schema(
        operation_id="configuration_instances",
        summary="List the instances that use a configuration group",
        tags=["Configuration groups"],
        parameters=PAGING,
        responses=shapes.GroupInstancesSchema,
    )
    def get(self, request: Request, **kwargs: str) -> Response:
        page = paginate(
            group_users(self.group()), page_request(request, page_size=settings.CONFIGURATIONS_PAGE_SIZE)
        )
        shown = [_named(instance) for instance in page.items]
        return Response(page_body(request, "instances", shown, page.next_marker))


def _named(instance: Instance) -> dict[str, Any]:
    return {"id": str(instance.pk), "name": instance.name}


class InstanceConfigurationView(InstanceBaseView):
    policies: ClassVar = {"GET": "instance:configuration"}

    @extend_schema(
        operation_id="instance_configuration_defaults",
        summary="Show what an instance uses for parameters that no group gives",
        tags=["Configuration groups"],
        responses=inline_serializer(
            "InstanceConfiguration",
            {
                "instance": inline_serializer(
                    "InstanceConfigurationValues",
                    {"configuration": serializers.DictField(child=serializers.JSONField())},
                )
            },
        ),
    )
    def get(self, request: Request, **kwargs: str) -> Response:
        return Response({"instance": {"configuration": configuration_defaults(instance=self.instance())}})
