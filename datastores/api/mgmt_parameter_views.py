"""Configuration parameters for operators (contract 1.8)."""

from typing import Any, ClassVar

from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from datastores import parameter_services as services
from datastores import selectors
from datastores.api.serializers import BoundField
from datastores.api.views import CatalogueView, envelope
from datastores.models import ConfigurationParameter, DatastoreVersion
from dbaas.common.fields import BooleanString, StrictSerializer, Text

KEY = "configuration-parameter"


@extend_schema_field({"oneOf": [{"type": "number"}, {"type": "string", "maxLength": 40}]})
class BoundText(serializers.Field[str, Any, Any, Any]):
    """A bound: a number, kept as text because no column holds all of them exactly; null: no bound."""

    def to_internal_value(self, data: Any) -> str:
        if isinstance(data, bool) or not isinstance(data, int | float | str) or len(str(data)) > 40:
            raise serializers.ValidationError("must be a number.")
        return str(data)


class ParameterChangeSerializer(StrictSerializer):
    """Trove's clients write `data_type` and either `max_size`, `min_size` or `max`, `min`."""

    restart_required = BooleanString(required=False)
    data_type = serializers.ChoiceField(choices=ConfigurationParameter.DataType.choices, required=False)
    max_size = BoundText(required=False, allow_null=True)
    min_size = BoundText(required=False, allow_null=True)
    max = BoundText(required=False, allow_null=True)
    min = BoundText(required=False, allow_null=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        for long, short in (("max_size", "max"), ("min_size", "min")):
            if short in attrs:
                attrs.setdefault(long, attrs.pop(short))
            if long in attrs:
                attrs[long] = attrs[long] or ""
        return attrs


class ParameterCreateSerializer(ParameterChangeSerializer):
    name = Text(min_length=1, max_length=128)
    restart_required = BooleanString()
    data_type = serializers.ChoiceField(choices=ConfigurationParameter.DataType.choices)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        attrs = super().validate(attrs)
        both = attrs.get("min_size") and attrs.get("max_size")
        if attrs["data_type"] == ConfigurationParameter.DataType.INTEGER and not both:
            raise serializers.ValidationError("An integer needs min_size and max_size.")
        if not attrs["name"].isprintable():
            raise serializers.ValidationError("The name must not hold control characters.")
        return attrs


class ParameterNamedChangeSerializer(ParameterChangeSerializer):
    name = Text(required=False, max_length=128, help_text="As in the path; it cannot be changed.")


class ParameterCreateBody(StrictSerializer):
    def get_fields(self) -> dict[str, Any]:
        return {KEY: ParameterCreateSerializer()}


class ParameterChangeBody(StrictSerializer):
    def get_fields(self) -> dict[str, Any]:
        return {KEY: ParameterNamedChangeSerializer()}


class ManagedParameterSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    datastore_version_id = serializers.UUIDField()
    restart_required = serializers.BooleanField()
    data_type = serializers.CharField()
    max_size = BoundField(source="maximum", allow_null=True)
    min_size = BoundField(source="minimum", allow_null=True)


class ManagedParameterBaseView(CatalogueView):
    def version(self) -> DatastoreVersion:
        return selectors.version_get_by_id(self.kwargs["version"])


class ManagedParameterListView(ManagedParameterBaseView):
    policies: ClassVar = {"GET": "mgmt:parameter:index", "POST": "mgmt:parameter:create"}

    @extend_schema(
        operation_id="mgmt_parameter_list",
        summary="List the configuration parameters of a version",
        tags=["Management"],
        responses=envelope("ManagedParameterList", f"{KEY}s", ManagedParameterSerializer(many=True)),
    )
    def get(self, request: Request, **kwargs: str) -> Response:
        found = selectors.parameter_list(version=self.version())
        return Response({f"{KEY}s": self.shown(ManagedParameterSerializer, found, many=True)})

    @extend_schema(
        operation_id="mgmt_parameter_create",
        summary="Create a configuration parameter",
        tags=["Management"],
        request=ParameterCreateBody,
        responses=envelope("ManagedParameterCreated", KEY, ManagedParameterSerializer()),
    )
    def post(self, request: Request, **kwargs: str) -> Response:
        version = self.version()
        body = ParameterCreateBody(data=request.data)
        body.is_valid(raise_exception=True)
        made = services.parameter_create(version=version, **body.validated_data[KEY])
        return Response({KEY: self.shown(ManagedParameterSerializer, made)})


class ManagedParameterView(ManagedParameterBaseView):
    policies: ClassVar = {
        "GET": "mgmt:parameter:show",
        "PUT": "mgmt:parameter:update",
        "DELETE": "mgmt:parameter:delete",
    }

    @extend_schema(
        operation_id="mgmt_parameter_show",
        summary="Show a configuration parameter",
        tags=["Management"],
        responses=envelope("ManagedParameterShow", KEY, ManagedParameterSerializer()),
    )
    def get(self, request: Request, **kwargs: str) -> Response:
        found = selectors.parameter_get(version=self.version(), name=self.kwargs["parameter"])
        return Response({KEY: self.shown(ManagedParameterSerializer, found)})

    @extend_schema(
        operation_id="mgmt_parameter_update",
        summary="Change a configuration parameter",
        tags=["Management"],
        request=ParameterChangeBody,
        responses=envelope("ManagedParameterUpdated", KEY, ManagedParameterSerializer()),
    )
    def put(self, request: Request, **kwargs: str) -> Response:
        found = selectors.parameter_get(version=self.version(), name=self.kwargs["parameter"])
        body = ParameterChangeBody(data=request.data)
        body.is_valid(raise_exception=True)
        given = dict(body.validated_data[KEY])
        given.pop("name", None)
        changed = services.parameter_update(parameter=found, **given) if given else found
        return Response({KEY: self.shown(ManagedParameterSerializer, changed)})

    @extend_schema(
        operation_id="mgmt_parameter_delete",
        summary="Delete a configuration parameter",
        tags=["Management"],
        responses={204: OpenApiResponse(description="Deleted.")},
    )
    def delete(self, request: Request, **kwargs: str) -> Response:
        services.parameter_delete(version=self.version(), name=self.kwargs["parameter"])
        return Response(status=204)
