"""Datastore versions and what they may be used with, for operators (contract 1.8)."""

from typing import Any, ClassVar

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from datastores import selectors, version_services
from datastores.api.mgmt_serializers import (
    FlavorsBody,
    ManagedVersionSerializer,
    VersionChangeSerializer,
    VersionCreateBody,
    VolumeTypesBody,
)
from datastores.api.serializers import FlavorSerializer, VolumeTypeSerializer
from datastores.api.views import CatalogueView, FlavorListBody, VolumeTypeListBody, envelope
from datastores.models import DatastoreVersion

DONE = OpenApiResponse(description="Done.")


class ManagedVersionListView(CatalogueView):
    policies: ClassVar = {
        "GET": "mgmt:datastore_version:index",
        "POST": "mgmt:datastore_version:create",
    }

    @extend_schema(
        operation_id="mgmt_datastore_version_list",
        summary="List all datastore versions, inactive ones too",
        tags=["Management"],
        responses=envelope("ManagedVersionList", "versions", ManagedVersionSerializer(many=True)),
    )
    def get(self, request: Request, **kwargs: str) -> Response:
        versions = DatastoreVersion.objects.all()
        return Response({"versions": self.shown(ManagedVersionSerializer, versions, many=True)})

    @extend_schema(
        operation_id="mgmt_datastore_version_create",
        summary="Register a datastore version, and its datastore if need be",
        tags=["Management"],
        request=VersionCreateBody,
        responses={202: DONE},
    )
    def post(self, request: Request, **kwargs: str) -> Response:
        given = _validated(VersionCreateBody, request)["version"]
        version_services.datastore_version_create(
            datastore=given.pop("datastore_name"),
            name=given.pop("name"),
            engine=given.pop("datastore_manager"),
            version=given.pop("version", None),
            is_default=given.pop("default", False),
            **_attributes(given),
        )
        return Response(status=202)


class ManagedVersionBaseView(CatalogueView):
    def version(self) -> DatastoreVersion:
        return selectors.version_get_by_id(self.kwargs["version"])


class ManagedVersionView(ManagedVersionBaseView):
    policies: ClassVar = {
        "GET": "mgmt:datastore_version:show",
        "PATCH": "mgmt:datastore_version:update",
        "DELETE": "mgmt:datastore_version:delete",
    }

    @extend_schema(
        operation_id="mgmt_datastore_version_show",
        summary="Show a datastore version, by its id",
        tags=["Management"],
        responses=envelope("ManagedVersionShow", "version", ManagedVersionSerializer()),
    )
    def get(self, request: Request, **kwargs: str) -> Response:
        return Response({"version": self.shown(ManagedVersionSerializer, self.version())})

    @extend_schema(
        operation_id="mgmt_datastore_version_update",
        summary="Change a datastore version",
        tags=["Management"],
        request=VersionChangeSerializer,
        responses={202: DONE},
    )
    def patch(self, request: Request, **kwargs: str) -> Response:
        version = self.version()
        given = _validated(VersionChangeSerializer, request)
        if "datastore_manager" in given:
            given["engine"] = given.pop("datastore_manager")
        version_services.datastore_version_update(
            version=version, is_default=given.pop("default", None), **_attributes(given)
        )
        return Response(status=202)

    @extend_schema(
        operation_id="mgmt_datastore_version_delete",
        summary="Delete a datastore version that nothing was made of",
        tags=["Management"],
        responses={202: DONE},
    )
    def delete(self, request: Request, **kwargs: str) -> Response:
        version_services.datastore_version_delete(version=self.version())
        return Response(status=202)


class ManagedVersionFlavorsView(ManagedVersionBaseView):
    policies: ClassVar = {"GET": "mgmt:datastore_version:show", "PUT": "mgmt:datastore_version:update"}

    @extend_schema(
        operation_id="mgmt_datastore_version_flavor_list",
        summary="List the flavors that a version may be used with",
        tags=["Management"],
        responses=FlavorListBody,
    )
    def get(self, request: Request, **kwargs: str) -> Response:
        flavors = selectors.flavors_of(self.version())
        return Response({"flavors": self.shown(FlavorSerializer, flavors, many=True)})

    @extend_schema(
        operation_id="mgmt_datastore_version_flavor_set",
        summary="Say which flavors a version may be used with",
        tags=["Management"],
        request=FlavorsBody,
        responses=FlavorListBody,
    )
    def put(self, request: Request, **kwargs: str) -> Response:
        given = _validated(FlavorsBody, request)["flavors"]
        flavors = [selectors.resolve_flavor(ref) for ref in given]
        version_services.flavor_associations_set(version=self.version(), flavors=flavors)
        return self.get(request, **kwargs)


class ManagedVersionVolumeTypesView(ManagedVersionBaseView):
    policies: ClassVar = {"GET": "mgmt:datastore_version:show", "PUT": "mgmt:datastore_version:update"}

    @extend_schema(
        operation_id="mgmt_datastore_version_volume_type_list",
        summary="List the volume types that a version may be used with",
        tags=["Management"],
        responses=VolumeTypeListBody,
    )
    def get(self, request: Request, **kwargs: str) -> Response:
        volume_types = selectors.volume_types_of(self.version())
        return Response({"volume_types": self.shown(VolumeTypeSerializer, volume_types, many=True)})

    @extend_schema(
        operation_id="mgmt_datastore_version_volume_type_set",
        summary="Say which volume types a version may be used with",
        tags=["Management"],
        request=VolumeTypesBody,
        responses=VolumeTypeListBody,
    )
    def put(self, request: Request, **kwargs: str) -> Response:
        given = _validated(VolumeTypesBody, request)["volume_types"]
        volume_types = [selectors.volume_type_get(ref) for ref in given]
        version_services.volume_type_associations_set(version=self.version(), volume_types=volume_types)
        return self.get(request, **kwargs)


def _validated(kind: type[BaseSerializer[Any]], request: Request) -> dict[str, Any]:
    body = kind(data=request.data)
    body.is_valid(raise_exception=True)
    return dict(body.validated_data)


def _attributes(given: dict[str, Any]) -> dict[str, Any]:
    """The API's names as the model's."""
    if "image" in given:
        given["image_id"] = given.pop("image")
    return given
