"""What the API takes for instances (contract 1.3.4, 1.3.5, 1.4), read into typed values."""

from typing import Any, Final

from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers

from dbaas.common.errors import NotImplementedHere
from dbaas.common.fields import (
    BooleanString,
    Cidr,
    FlavorRef,
    LenientInteger,
    NonEmptyString,
    OptionalUuidRef,
    SecretText,
    StrictSerializer,
    Text,
    UuidString,
    require_unique,
)
from guestagent.protocol.types import DatabaseSpec, UserRef, UserSpec
from instances.services.create import InstanceRequest

MAX_ITEMS: Final = 100
MAX_TAGS: Final = 50
#: Known to Trove, not served here yet; refused, for ignoring them would promise what isn't done.
NOT_YET_AT_CREATE: Final = {
    "restorePoint": "Restoring backups is",
    "replica_of": "Replicas are",
    "modules": "Modules are",
    "locality": "Locality is",
}
LOCALITIES: Final = ("affinity", "anti-affinity", "soft-affinity", "soft-anti-affinity")
NOT_YET_AT_UPDATE: Final = {
    "replica_of": "Detaching replicas is",
    "slave_of": "Detaching replicas is",
    "access": "Changing the access is",
}


def list_of(
    child: serializers.Serializer[Any], *, max_length: int = MAX_ITEMS, **options: Any
) -> serializers.ListSerializer[Any]:
    return serializers.ListSerializer(child=child, max_length=max_length, **options)


class NameSerializer(serializers.Serializer[Any]):
    name = Text(min_length=1)


class DatabaseSerializer(serializers.Serializer[Any]):
    name = Text(min_length=1)
    character_set = Text(required=False, allow_null=True, max_length=64)
    collate = Text(required=False, allow_null=True, max_length=64)


class UserSerializer(serializers.Serializer[Any]):
    name = Text(min_length=1)
    password = SecretText()
    host = Text(required=False, allow_null=True, min_length=1)
    databases = list_of(NameSerializer(), required=False)


class VolumeSerializer(serializers.Serializer[Any]):
    size = LenientInteger(min_value=1)
    type = Text(required=False, allow_null=True)


class DatastoreRefSerializer(serializers.Serializer[Any]):
    type = Text(required=False, allow_null=True)
    version = Text(required=False, allow_null=True)
    version_number = Text(required=False, allow_null=True)


class NicSerializer(StrictSerializer):
    network_id = UuidString(required=False)
    subnet_id = UuidString(required=False)
    ip_address = serializers.IPAddressField(required=False, protocol="IPv4")

    def get_fields(self) -> dict[str, Any]:
        return {"net-id": UuidString(required=False), **super().get_fields()}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not attrs.keys() & {"net-id", "network_id", "subnet_id"}:
            raise serializers.ValidationError("names neither a network nor a subnet.")
        if "ip_address" in attrs and "subnet_id" not in attrs:
            raise serializers.ValidationError("has an ip_address, which needs its subnet_id.")
        if "net-id" in attrs:
            attrs.setdefault("network_id", attrs.pop("net-id"))
        return attrs


class AccessSerializer(StrictSerializer):
    is_public = BooleanString(required=False)
    allowed_cidrs = serializers.ListField(child=Cidr(), required=False, max_length=MAX_ITEMS)

    def validate_allowed_cidrs(self, value: list[str]) -> list[str]:
        require_unique(value, "network")
        return value


class InstanceCreateSerializer(serializers.Serializer[Any]):
    """Keys that it doesn't know are ignored, as in Trove."""

    name = NonEmptyString()
    flavorRef = FlavorRef()
    volume = VolumeSerializer(required=False)
    datastore = DatastoreRefSerializer(required=False)
    databases = list_of(DatabaseSerializer(), required=False)
    users = list_of(UserSerializer(), required=False)
    availability_zone = NonEmptyString(required=False, allow_null=True)
    region_name = Text(required=False, allow_null=True)
    nics = list_of(NicSerializer(), required=False, max_length=1)
    access = AccessSerializer(required=False)
    tags = serializers.ListField(child=Text(min_length=1, max_length=60), required=False, max_length=MAX_TAGS)
    deletion_protected = BooleanString(required=False)
    configuration = OptionalUuidRef(required=False, allow_null=True)

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict) and data.get("locality") not in (None, "", *LOCALITIES):
            raise serializers.ValidationError({"locality": [f"must be one of {', '.join(LOCALITIES)}."]})
        return super().to_internal_value(without_not_yet(data, NOT_YET_AT_CREATE))

    def validate_tags(self, value: list[str]) -> list[str]:
        require_unique(value, "tag")
        return value


class InstanceCreateBody(serializers.Serializer[Any]):
    instance = InstanceCreateSerializer()

    def to_request(self) -> InstanceRequest:
        """The validated body as the service takes it."""
        given = self.validated_data["instance"]
        datastore, volume = given.get("datastore") or {}, given.get("volume") or {}
        return InstanceRequest(
            name=given["name"],
            flavor_ref=given["flavorRef"],
            volume_size_gb=volume.get("size"),
            volume_type=volume.get("type"),
            datastore=datastore.get("type"),
            datastore_version=datastore.get("version"),
            version_number=datastore.get("version_number"),
            databases=database_specs(given.get("databases", ())),
            users=user_specs(given.get("users", ())),
            region_name=given.get("region_name"),
            availability_zone=given.get("availability_zone"),
            nics=given.get("nics", ()),
            access=given.get("access", {}),
            tags=given.get("tags", ()),
            is_deletion_protected=given.get("deletion_protected", False),
            configuration_id=given.get("configuration"),
        )


#: Each is a change of its own kind, so Trove takes one at a time.
ONE_OF_AT_UPDATE: Final = frozenset({"configuration", "datastore_version", "access"})


class InstanceUpdateSerializer(StrictSerializer):
    name = NonEmptyString(required=False)
    datastore_version = NonEmptyString(required=False)
    tags = serializers.ListField(child=Text(min_length=1, max_length=60), required=False, max_length=MAX_TAGS)
    deletion_protected = BooleanString(required=False)
    configuration = OptionalUuidRef(required=False, allow_null=True)

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict) and data.keys() & {"replica_of", "slave_of"}:
            # That it is there asks for the detaching, whatever its value.
            raise NotImplementedHere("Detaching replicas is not served yet.")
        return super().to_internal_value(without_not_yet(data, NOT_YET_AT_UPDATE))

    def validate_tags(self, value: list[str]) -> list[str]:
        require_unique(value, "tag")
        return value

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        several = sorted(attrs.keys() & ONE_OF_AT_UPDATE)
        if len(several) > 1:
            raise serializers.ValidationError(f"asks for several changes at once: {', '.join(several)}.")
        return attrs


class ResizeVolumeSerializer(serializers.Serializer[Any]):
    volume = VolumeSerializer()


class ResizeFlavorSerializer(serializers.Serializer[Any]):
    flavorRef = FlavorRef()


class InstanceUpdateBody(StrictSerializer):
    instance = InstanceUpdateSerializer()


class DatabasesBody(serializers.Serializer[Any]):
    databases = list_of(DatabaseSerializer(), allow_empty=False)


class UsersBody(serializers.Serializer[Any]):
    users = list_of(UserSerializer(), allow_empty=False)


class PasswordChangeSerializer(serializers.Serializer[Any]):
    name = Text(min_length=1)
    password = SecretText()
    host = Text(required=False, allow_null=True, min_length=1)


class PasswordsBody(serializers.Serializer[Any]):
    users = list_of(PasswordChangeSerializer(), allow_empty=False)


class UserChangeSerializer(StrictSerializer):
    name = Text(required=False, min_length=1)
    password = SecretText(required=False)
    host = Text(required=False, min_length=1)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not attrs:
            raise serializers.ValidationError("needs a name, a password or a host.")
        return attrs


class UserChangeBody(serializers.Serializer[Any]):
    user = UserChangeSerializer()


class AccessBody(serializers.Serializer[Any]):
    databases = list_of(NameSerializer(), allow_empty=False)


@extend_schema_serializer(many=False)
class RootBody(serializers.Serializer[Any]):
    password = SecretText(required=False)


def without_not_yet(data: Any, names: dict[str, str]) -> Any:
    """The body without keys that ask for nothing (null, empty) of what isn't there yet.

    Raises NotImplementedHere for one that asks for something.
    """
    if not isinstance(data, dict):
        return data
    for name in data.keys() & names.keys():
        if data[name] not in (None, [], "", {}):
            raise NotImplementedHere(f"{names[name]} not served yet ({name}).")
    return {name: value for name, value in data.items() if name not in names}


def database_specs(given: Any) -> tuple[DatabaseSpec, ...]:
    return tuple(
        DatabaseSpec(name=item["name"], character_set=item.get("character_set"), collate=item.get("collate"))
        for item in given
    )


def user_specs(given: Any) -> tuple[UserSpec, ...]:
    return tuple(
        UserSpec(
            name=item["name"],
            password=item["password"],
            host=item.get("host") or "%",
            databases=tuple(database["name"] for database in item.get("databases", ())),
        )
        for item in given
    )


def user_ref(text: str) -> UserRef:
    """The user that a URL names: ``name`` or ``name@host``."""
    name, at, host = text.rpartition("@")
    return UserRef(name=name, host=host or "%") if at else UserRef(name=text)
