"""Clusters (contract 1.9). No engine has any yet: there are none, and making one is refused."""

from typing import Any, ClassVar, Final

from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from dbaas.common.errors import BadRequest, NotFound, NotImplementedHere
from dbaas.common.schema import PAGING
from dbaas.common.views import ProjectView

_EMPTY: Final = inline_serializer(
    "ClusterList", {"clusters": serializers.ListField(child=serializers.DictField(), max_length=0)}
)


class ClusterListView(ProjectView):
    policies: ClassVar = {"GET": "cluster:index", "POST": "cluster:create"}

    @extend_schema(
        operation_id="cluster_list",
        summary="List clusters: there are none",
        tags=["Clusters"],
        parameters=PAGING,
        responses=_EMPTY,
    )
    def get(self, request: Request, **kwargs: str) -> Response:
        return Response({"clusters": []})

    @extend_schema(exclude=True)
    def post(self, request: Request, **kwargs: str) -> Response:
        body: Any = request.data
        if not isinstance(body, dict) or not isinstance(body.get("cluster"), dict):
            raise BadRequest("Validation error: cluster must be an object.")
        raise NotImplementedHere("Clusters are not served: no datastore here can form one.")


class ClusterView(ProjectView):
    """Whatever is asked of a cluster: there is none of this id. Hidden from the document."""

    policies: ClassVar = {
        "GET": "cluster:show",
        "POST": "cluster:action",
        "DELETE": "cluster:delete",
    }

    @extend_schema(exclude=True)
    def get(self, request: Request, cluster_id: str, **kwargs: str) -> Response:
        raise NotFound(f"Cluster {cluster_id} cannot be found.")

    post = get
    delete = get


class ClusterMemberView(ClusterView):
    policies: ClassVar = {"GET": "cluster:show_instance"}
    http_method_names = ["get", "head"]


class ClusterRootView(ClusterView):
    policies: ClassVar = {
        "GET": "cluster:extension:root:index",
        "POST": "cluster:extension:root:create",
        "DELETE": "cluster:extension:root:delete",
    }


class ManagedClusterListView(ClusterListView):
    policies: ClassVar = {"GET": "mgmt:cluster:index"}
    http_method_names = ["get", "head"]

    @extend_schema(exclude=True)
    def get(self, request: Request, **kwargs: str) -> Response:
        return super().get(request, **kwargs)


class ManagedClusterView(ClusterView):
    policies: ClassVar = {"GET": "mgmt:cluster:show"}
    http_method_names = ["get", "head"]


class ManagedClusterActionView(ClusterView):
    policies: ClassVar = {"POST": "mgmt:cluster:action"}
    http_method_names = ["post"]
