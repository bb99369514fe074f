"""Datastore versions as operators write and see them (contract 1.8)."""

from typing import Any, Final

from rest_framework import serializers

from datastores.models import DatastoreVersion
from dbaas.common.fields import BooleanString, NonEmptyString, StrictSerializer, Text, require_unique

MAX_IMAGE_TAGS: Final = 5
MAX_PACKAGES: Final = 50


class WordList(serializers.ListField):
    """Distinct words. Trove shows an empty list as ``[""]``, and its clients may send that back."""

    def __init__(self, *, max_word: int, **kwargs: Any) -> None:
        super().__init__(child=Text(allow_blank=True, max_length=max_word), **kwargs)

    def to_internal_value(self, data: Any) -> list[str]:
        value = [word for word in super().to_internal_value(data) if word]
        require_unique(value, "word")
        return value


class VersionChangeSerializer(StrictSerializer):
    """Every key may be left out; null counts as left out, as clients send it for what they do not set."""

    name = NonEmptyString(required=False, allow_null=True)
    datastore_manager = NonEmptyString(required=False, allow_null=True)
    image = Text(required=False, allow_null=True, allow_blank=True)
    image_tags = WordList(max_word=20, required=False, allow_null=True, max_length=MAX_IMAGE_TAGS)
    packages = WordList(max_word=255, required=False, allow_null=True, max_length=MAX_PACKAGES)
    active = BooleanString(required=False, allow_null=True)
    default = BooleanString(required=False, allow_null=True)
    registry_ext = Text(required=False, allow_null=True, allow_blank=True, max_length=4096)
    repl_strategy = Text(required=False, allow_null=True, allow_blank=True, max_length=4096)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in attrs.items() if value is not None}


class VersionCreateSerializer(VersionChangeSerializer):
    name = NonEmptyString()
    datastore_name = NonEmptyString()
    datastore_manager = NonEmptyString()
    active = BooleanString()
    version = NonEmptyString(required=False, allow_null=True, help_text="Number of the release.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        given = super().validate(attrs)
        if not (given.get("image") or given.get("image_tags")):
            raise serializers.ValidationError("needs an image or image_tags.")
        return given


class VersionCreateBody(serializers.Serializer[Any]):
    version = VersionCreateSerializer()


class FlavorsBody(StrictSerializer):
    flavors = WordList(max_word=64, max_length=1000, help_text="Ids; empty: every flavor may be used.")


class VolumeTypesBody(StrictSerializer):
    volume_types = WordList(max_word=64, max_length=1000, help_text="Ids or names; empty: every one may.")


class OneWordAtLeast(serializers.ListField):
    """As Trove shows lists of words: an empty one holds an empty word."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(child=serializers.CharField(allow_blank=True), **kwargs)

    def to_representation(self, data: Any) -> list[str]:
        return list(data) or [""]


class ManagedVersionSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    name = serializers.CharField()
    version = serializers.CharField()
    datastore_id = serializers.UUIDField()
    datastore_name = serializers.CharField(source="datastore.name")
    datastore_manager = serializers.CharField(source="engine")
    image = serializers.CharField(source="image_id", allow_blank=True)
    image_tags = OneWordAtLeast()
    packages = OneWordAtLeast()
    active = serializers.BooleanField()
    registry_ext = serializers.CharField(allow_blank=True)
    repl_strategy = serializers.CharField(allow_blank=True)
    default = serializers.SerializerMethodField("get_is_default")

    def get_is_default(self, version: DatastoreVersion) -> bool:
        return version.datastore.default_version_id == version.pk
