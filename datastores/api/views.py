"""Datastores, versions, parameters, flavors, volume types and limits (contract 1.6, 1.7)."""

from typing import Any, ClassVar

from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_view, inline_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from datastores import selectors, services
from datastores.api.serializers import (
    DatastoreSerializer,
    FlavorSerializer,
    LimitSerializer,
    ParameterSerializer,
    VersionSerializer,
    VolumeTypeSerializer,
)
from datastores.models import DatastoreVersion
from dbaas.accounts import quotas
from dbaas.common import ratelimit
from dbaas.common.times import api_timestamp
from dbaas.common.views import ProjectView


def envelope(name: str, key: str, serializer: serializers.BaseSerializer[Any]) -> Any:
    """For the OpenAPI document: an object that holds `serializer`'s shape under `key`."""
    return inline_serializer(name, {key: serializer})


FlavorListBody = envelope("FlavorList", "flavors", FlavorSerializer(many=True))
VolumeTypeListBody = envelope("VolumeTypeList", "volume_types", VolumeTypeSerializer(many=True))


class CatalogueView(ProjectView):
    """Answers with the shapes of `serializers`."""

    def shown(
        self, serializer: type[serializers.BaseSerializer[Any]], rows: Any, *, many: bool = False
    ) -> Any:
        return serializer(rows, many=many, context={"request": self.request}).data


# datastores


class DatastoreListView(CatalogueView):
    policies: ClassVar = {"GET": "datastore:index"}

    @extend_schema(
        operation_id="datastore_list",
        summary="List datastores that have a usable version (admins: all)",
        tags=["Datastores"],
        responses=envelope("DatastoreList", "datastores", DatastoreSerializer(many=True)),
    )
    def get(self, request: Request, **kwargs: str) -> Response:
        datastores = selectors.datastore_list(include_inactive=self.caller.is_admin)
        return Response({"datastores": self.shown(DatastoreSerializer, datastores, many=True)})


class DatastoreView(CatalogueView):
    policies: ClassVar = {"GET": "datastore:show", "DELETE": "datastore:delete"}

    @extend_schema(
        operation_id="datastore_show",
        summary="Show a datastore, by id or name",
        tags=["Datastores"],
        responses=envelope("DatastoreShow", "datastore", DatastoreSerializer()),
    )
    def get(self, request: Request, datastore: str, **kwargs: str) -> Response:
        found = selectors.datastore_show(datastore, include_inactive=self.caller.is_admin)
        return Response({"datastore": self.shown(DatastoreSerializer, found)})

    @extend_schema(
        operation_id="datastore_delete",
        summary="Delete a datastore without versions (admins)",
        tags=["Datastores"],
        responses={202: OpenApiResponse(description="Deleted.")},
    )
    def delete(self, request: Request, datastore: str, **kwargs: str) -> Response:
        services.datastore_delete(datastore=selectors.datastore_get(datastore))
        return Response(status=202)


# versions


class VersionListView(CatalogueView):
    policies: ClassVar = {"GET": "datastore:version_index"}

    @extend_schema(
        operation_id="datastore_version_list",
        summary="List the usable versions of a datastore (admins: all)",
        tags=["Datastores"],
        responses=envelope("VersionList", "versions", VersionSerializer(many=True)),
    )
    def get(self, request: Request, datastore: str, **kwargs: str) -> Response:
        versions = selectors.version_list(
            datastore=selectors.datastore_get(datastore), include_inactive=self.caller.is_admin
        )
        return Response({"versions": self.shown(VersionSerializer, versions, many=True)})


class OfVersionView(CatalogueView):
    """About one version, which the URL names by datastore and version, each by id or name."""

    def version(self) -> DatastoreVersion:
        owner = selectors.datastore_get(self.kwargs["datastore"])
        return selectors.version_get(datastore=owner, ref=self.kwargs["version"])


class ByVersionId:
    """Mixin: the URL names the version by its id alone."""

    kwargs: dict[str, str]

    def version(self) -> DatastoreVersion:
        return selectors.version_get_by_id(self.kwargs["version"])


class VersionView(OfVersionView):
    policies: ClassVar = {"GET": "datastore:version_show"}

    @extend_schema(
        operation_id="datastore_version_show",
        summary="Show a version of a datastore, by id or name",
        tags=["Datastores"],
        responses=envelope("VersionShow", "version", VersionSerializer()),
    )
    def get(self, request: Request, **kwargs: str) -> Response:
        return Response({"version": self.shown(VersionSerializer, self.version())})


@extend_schema_view(
    get=extend_schema(operation_id="datastore_version_show_by_id", summary="Show a version, by its id")
)
class VersionByIdView(ByVersionId, VersionView):
    policies: ClassVar = {"GET": "datastore:version_show_by_uuid"}


class VersionFlavorsView(OfVersionView):
    policies: ClassVar = {"GET": "datastore:list_associated_flavors"}

    @extend_schema(
        operation_id="datastore_version_flavor_list",
        summary="List the flavors that a version may be used with",
        tags=["Datastores"],
        responses=FlavorListBody,
    )
    def get(self, request: Request, **kwargs: str) -> Response:
        flavors = selectors.flavors_of(self.version())
        return Response({"flavors": self.shown(FlavorSerializer, flavors, many=True)})


class VersionVolumeTypesView(OfVersionView):
    policies: ClassVar = {"GET": "datastore:list_associated_volume_types"}

    @extend_schema(
        operation_id="datastore_version_volume_type_list",
        summary="List the volume types that a version may be used with",
        tags=["Datastores"],
        responses=VolumeTypeListBody,
    )
    def get(self, request: Request, **kwargs: str) -> Response:
        volume_types = selectors.volume_types_of(self.version())
        return Response({"volume_types": self.shown(VolumeTypeSerializer, volume_types, many=True)})


# parameters


class ParameterListView(OfVersionView):
    policies: ClassVar = {"GET": "configuration-parameter:index"}

    @extend_schema(
        operation_id="configuration_parameter_list",
        summary="List the configuration parameters of a version",
        tags=["Datastores"],
        responses=envelope("ParameterList", "configuration-parameters", ParameterSerializer(many=True)),
    )
    def get(self, request: Request, **kwargs: str) -> Response:
        parameters = selectors.parameter_list(version=self.version())
        return Response({"configuration-parameters": self.shown(ParameterSerializer, parameters, many=True)})


@extend_schema_view(
    get=extend_schema(
        operation_id="configuration_parameter_list_by_version_id",
        summary="List the configuration parameters of a version, by its id",
    )
)
class ParameterListByVersionIdView(ByVersionId, ParameterListView):
    policies: ClassVar = {"GET": "configuration-parameter:index_by_version"}


class ParameterView(OfVersionView):
    policies: ClassVar = {"GET": "configuration-parameter:show"}

    @extend_schema(
        operation_id="configuration_parameter_show",
        summary="Show a configuration parameter of a version",
        tags=["Datastores"],
        responses=ParameterSerializer,
    )
    def get(self, request: Request, **kwargs: str) -> Response:
        parameter = selectors.parameter_get(version=self.version(), name=self.kwargs["parameter"])
        return Response(self.shown(ParameterSerializer, parameter))  # without an envelope, as in Trove


@extend_schema_view(
    get=extend_schema(
        operation_id="configuration_parameter_show_by_version_id",
        summary="Show a configuration parameter of a version, by its id",
    )
)
class ParameterByVersionIdView(ByVersionId, ParameterView):
    policies: ClassVar = {"GET": "configuration-parameter:show_by_version"}


# flavors, volume types, limits


class FlavorListView(CatalogueView):
    policies: ClassVar = {"GET": "flavor:index"}

    @extend_schema(
        operation_id="flavor_list",
        summary="List flavors",
        tags=["Flavors"],
        responses=FlavorListBody,
    )
    def get(self, request: Request, **kwargs: str) -> Response:
        return Response({"flavors": self.shown(FlavorSerializer, selectors.flavor_list(), many=True)})


class FlavorView(CatalogueView):
    policies: ClassVar = {"GET": "flavor:show"}

    @extend_schema(
        operation_id="flavor_show",
        summary="Show a flavor",
        tags=["Flavors"],
        responses=envelope("FlavorShow", "flavor", FlavorSerializer()),
    )
    def get(self, request: Request, flavor: str, **kwargs: str) -> Response:
        return Response({"flavor": self.shown(FlavorSerializer, selectors.resolve_flavor(flavor))})


class VolumeTypeListView(CatalogueView):
    policies: ClassVar = {"GET": "datastore:list_associated_volume_types"}

    @extend_schema(
        operation_id="volume_type_list",
        summary="List volume types",
        tags=["Flavors"],
        responses=VolumeTypeListBody,
    )
    def get(self, request: Request, **kwargs: str) -> Response:
        return Response(
            {"volume_types": self.shown(VolumeTypeSerializer, selectors.volume_type_list(), many=True)}
        )


class VolumeTypeView(CatalogueView):
    policies: ClassVar = {"GET": "datastore:list_associated_volume_types"}

    @extend_schema(
        operation_id="volume_type_show",
        summary="Show a volume type, by id or name",
        tags=["Flavors"],
        responses=envelope("VolumeTypeShow", "volume_type", VolumeTypeSerializer()),
    )
    def get(self, request: Request, volume_type: str, **kwargs: str) -> Response:
        found = selectors.volume_type_get(volume_type)
        return Response({"volume_type": self.shown(VolumeTypeSerializer, found)})


class LimitsView(ProjectView):
    policies: ClassVar = {"GET": "limits:index"}

    @extend_schema(
        operation_id="limit_list",
        summary="Quotas and rate limits of the project",
        tags=["Limits"],
        responses=envelope("LimitList", "limits", LimitSerializer(many=True)),
    )
    def get(self, request: Request, **kwargs: str) -> Response:
        absolute = {f"max_{line.resource}": line.limit for line in quotas.usage(self.project_id)}
        rates = [_rate_line(rate) for rate in ratelimit.snapshot(self.project_id)]
        return Response({"limits": [{"verb": "ABSOLUTE", **absolute}, *rates]})


def _rate_line(rate: ratelimit.RateLimit) -> dict[str, Any]:
    return {
        "verb": rate.verb,
        "value": rate.value,
        "remaining": rate.remaining,
        "unit": rate.unit,
        "uri": "*",
        "regex": ".*",
        "nextAvailable": f"{api_timestamp(rate.next_available)}Z",  # the one time that names its zone
    }
