"""The API's shapes of what can be had (contract 1.6 and 1.7); each takes `request` from the context."""

from decimal import Decimal
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from datastores.models import ConfigurationParameter, Datastore, DatastoreVersion, Flavor
from dbaas.common.links import resource_links
from dbaas.common.schema import LINKS


class LinkedSerializer(serializers.Serializer[Any]):
    """Adds `links`, made from the request's own address."""

    collection = ""
    links = serializers.SerializerMethodField()

    @extend_schema_field(LINKS)
    def get_links(self, row: Any) -> list[dict[str, str]]:
        request = self.context["request"]
        return resource_links(request, request.user.project_id, self.collection, str(row.pk))


class VersionInDatastoreSerializer(LinkedSerializer):
    """A version as its datastore lists it; admins see how it is made, too."""

    collection = "datastores/versions"
    ADMIN_ONLY = ("active", "packages", "image", "image_tags", "registry_ext", "repl_strategy", "engine")

    id = serializers.UUIDField()
    name = serializers.CharField()
    version = serializers.CharField(help_text="Number of the release.")
    active = serializers.BooleanField(required=False, help_text="Admins only, as are the following.")
    packages = serializers.ListField(child=serializers.CharField(), required=False)
    image = serializers.CharField(source="image_id", required=False)
    image_tags = serializers.ListField(child=serializers.CharField(), required=False)
    registry_ext = serializers.CharField(required=False)
    repl_strategy = serializers.CharField(required=False)
    engine = serializers.CharField(required=False, help_text="What Trove calls the datastore manager.")

    def to_representation(self, version: DatastoreVersion) -> dict[str, Any]:
        shown: dict[str, Any] = super().to_representation(version)
        if not self.context["request"].user.is_admin:
            for key in self.ADMIN_ONLY:
                del shown[key]
        return shown


class VersionSerializer(VersionInDatastoreSerializer):
    datastore = serializers.UUIDField(source="datastore_id")


class DatastoreSerializer(LinkedSerializer):
    # `versions` must be fetched already: those that the caller may see.
    collection = "datastores"

    id = serializers.UUIDField()
    name = serializers.CharField()
    versions = VersionInDatastoreSerializer(many=True)
    default_version = serializers.UUIDField(
        source="default_version_id", required=False, help_text="Always one of `versions`; absent without one."
    )

    def to_representation(self, datastore: Datastore) -> dict[str, Any]:
        shown: dict[str, Any] = super().to_representation(datastore)
        # Clients look the default up in the list, and fail when it is not there.
        if shown["default_version"] not in [version["id"] for version in shown["versions"]]:
            del shown["default_version"]
        return shown


class FlavorSerializer(LinkedSerializer):
    collection = "flavors"

    id = serializers.SerializerMethodField(help_text="The id, where it is a plain number.")
    str_id = serializers.CharField(source="pk", help_text="The id, always.")
    name = serializers.CharField()
    ram = serializers.IntegerField(source="ram_mb", help_text="MB")
    vcpus = serializers.IntegerField()
    disk = serializers.IntegerField(source="disk_gb", help_text="GB")
    ephemeral = serializers.IntegerField(source="ephemeral_gb", help_text="GB")

    def get_id(self, flavor: Flavor) -> int | None:
        text = flavor.pk
        return int(text) if text.isascii() and text.isdigit() and not text.startswith("0") else None


class VolumeTypeSerializer(serializers.Serializer[Any]):
    id = serializers.CharField()
    name = serializers.CharField()
    is_public = serializers.BooleanField()
    description = serializers.CharField(allow_blank=True)


@extend_schema_field({"type": "number", "description": "Absent where there is no bound."})
class BoundField(serializers.Field[Decimal, Any, int | float, Any]):
    """A number: an integer wherever it is whole."""

    def to_representation(self, value: Decimal) -> int | float:
        return int(value) if value == value.to_integral_value() else float(value)


class ParameterSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    datastore_version_id = serializers.UUIDField()
    restart_required = serializers.BooleanField()
    type = serializers.CharField(source="data_type")
    min = BoundField(source="minimum", required=False)
    max = BoundField(source="maximum", required=False)
    allowed_values = serializers.ListField(
        child=serializers.CharField(),
        source="enum_values",
        required=False,
        help_text="Absent where any will do.",
    )
    default = serializers.CharField(source="default_value", required=False)
    description = serializers.CharField(required=False)

    def to_representation(self, parameter: ConfigurationParameter) -> dict[str, Any]:
        shown: dict[str, Any] = super().to_representation(parameter)
        return {key: value for key, value in shown.items() if value not in (None, "", [])}


class LimitSerializer(serializers.Serializer[Any]):
    """The first item is the project's quota (verb ABSOLUTE), each other one a rate limit."""

    verb = serializers.CharField()
    max_instances = serializers.IntegerField(required=False, help_text="-1: no limit.")
    max_ram = serializers.IntegerField(required=False, help_text="MB; -1: no limit.")
    max_volumes = serializers.IntegerField(required=False, help_text="GB; -1: no limit.")
    max_backups = serializers.IntegerField(required=False, help_text="-1: no limit.")
    value = serializers.IntegerField(required=False)
    remaining = serializers.IntegerField(required=False)
    unit = serializers.CharField(required=False)
    uri = serializers.CharField(required=False)
    regex = serializers.CharField(required=False)
    nextAvailable = serializers.CharField(required=False)
