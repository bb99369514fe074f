"""Events, webhooks and usage as the API shows and takes them."""

from typing import Any

from rest_framework import serializers

from dbaas.common.fields import BooleanString, StrictSerializer, Text, require_unique
from dbaas.common.times import api_timestamp
from dbaas.events.models import DeliveryState, Event, Webhook, WebhookDelivery
from dbaas.events.usage import Usage

MAX_TYPES = 50


class EventSerializer(serializers.Serializer[Event]):
    """Output only."""

    id = serializers.UUIDField()
    type = serializers.CharField()
    resource_type = serializers.CharField()
    resource_id = serializers.CharField()
    project_id = serializers.CharField()
    operation_id = serializers.CharField(allow_null=True)
    actor = serializers.CharField(allow_null=True, help_text="A user's id; null: the service itself.")
    request_id = serializers.CharField(allow_null=True)
    before = serializers.DictField()
    after = serializers.DictField()
    created = serializers.CharField()

    def to_representation(self, instance: Event) -> dict[str, Any]:
        return {
            "id": str(instance.pk),
            "type": instance.type,
            "resource_type": instance.resource_type,
            "resource_id": instance.resource_id,
            "project_id": instance.project_id,
            "operation_id": instance.operation_id or None,
            "actor": instance.actor or None,
            "request_id": instance.request_id or None,
            "before": instance.before,
            "after": instance.after,
            "created": api_timestamp(instance.created_at),
        }


class EventType(Text):
    """The name of an event's type, or the beginning of several up to a dot."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=96, **kwargs)


class WebhookChangeSerializer(StrictSerializer):
    url = Text(required=False, max_length=2000, help_text="https, to a public address.")
    types = serializers.ListField(
        child=EventType(),
        required=False,
        max_length=MAX_TYPES,
        help_text="Events to send: types, or the beginnings of types up to a dot; empty: all.",
    )
    description = Text(required=False, allow_blank=True)
    enabled = BooleanString(required=False)
    rotate_secret = BooleanString(required=False, help_text="Make a new signing secret, and show it.")

    def validate_types(self, types: list[str]) -> list[str]:
        require_unique(types, "type")
        return [name.removeprefix("dbaas.") for name in types]


class WebhookCreateSerializer(WebhookChangeSerializer):
    url = Text(max_length=2000, help_text="https, to a public address.")
    rotate_secret = None  # type: ignore[assignment]


class WebhookCreateBody(StrictSerializer):
    webhook = WebhookCreateSerializer()


class WebhookChangeBody(StrictSerializer):
    webhook = WebhookChangeSerializer()


class WebhookSerializer(serializers.Serializer[Webhook]):
    """Output only. `secret` is there in the answers that made one, and never again."""

    id = serializers.UUIDField()
    url = serializers.CharField()
    types = serializers.ListField(child=serializers.CharField())
    description = serializers.CharField(allow_blank=True)
    enabled = serializers.BooleanField()
    pending = serializers.IntegerField(help_text="Events that wait to be sent.")
    dead = serializers.IntegerField(help_text="Events that were given up; POST …/redrive tries them again.")
    failures = serializers.IntegerField(help_text="In a row, of the receiver as a whole.")
    next_attempt = serializers.CharField(allow_null=True)
    last_success = serializers.CharField(allow_null=True)
    last_error = serializers.CharField(allow_null=True)
    created = serializers.CharField()
    updated = serializers.CharField()
    secret = serializers.CharField(required=False)

    def to_representation(self, instance: Webhook) -> dict[str, Any]:
        return {
            "id": str(instance.pk),
            "url": instance.url,
            "types": instance.types,
            "description": instance.description,
            "enabled": instance.is_enabled,
            "pending": getattr(instance, "pending_count", 0),
            "dead": getattr(instance, "dead_count", 0),
            "failures": instance.failures,
            "next_attempt": api_timestamp(instance.resume_at) if instance.failures else None,
            "last_success": api_timestamp(instance.succeeded_at),
            "last_error": instance.last_error or None,
            "created": api_timestamp(instance.created_at),
            "updated": api_timestamp(instance.updated_at),
        }


class DeliverySerializer(serializers.Serializer[WebhookDelivery]):
    """Output only."""

    id = serializers.IntegerField()
    event_id = serializers.UUIDField()
    event_type = serializers.CharField()
    resource_id = serializers.CharField()
    state = serializers.ChoiceField(choices=DeliveryState.choices)
    attempts = serializers.IntegerField()
    next_attempt = serializers.CharField(allow_null=True)
    last_status = serializers.IntegerField(allow_null=True)
    last_error = serializers.CharField(allow_null=True)
    finished = serializers.CharField(allow_null=True)

    def to_representation(self, instance: WebhookDelivery) -> dict[str, Any]:
        is_pending = instance.state == DeliveryState.PENDING
        return {
            "id": instance.pk,
            "event_id": str(instance.event_id),
            "event_type": instance.event.type,
            "resource_id": instance.resource_id,
            "state": instance.state,
            "attempts": instance.attempts,
            "next_attempt": api_timestamp(instance.next_attempt_at) if is_pending else None,
            "last_status": instance.last_status,
            "last_error": instance.last_error or None,
            "finished": api_timestamp(instance.finished_at),
        }


class UsageSerializer(serializers.Serializer[Usage]):
    """Output only; whole seconds. `resource_id` is null in the sum of a project."""

    project_id = serializers.CharField()
    resource_id = serializers.CharField(allow_null=True)
    instances = serializers.IntegerField(help_text="How many there were.")
    instance_seconds = serializers.IntegerField()
    vcpu_seconds = serializers.IntegerField()
    ram_mb_seconds = serializers.IntegerField()
    volume_gb_seconds = serializers.IntegerField()

    def to_representation(self, instance: Usage) -> dict[str, Any]:
        return {
            "project_id": instance.project_id,
            "resource_id": instance.resource_id or None,
            "instances": len(instance.resources),
            "instance_seconds": round(instance.time.total_seconds()),
            "vcpu_seconds": round(instance.vcpus.total_seconds()),
            "ram_mb_seconds": round(instance.ram_mb.total_seconds()),
            "volume_gb_seconds": round(instance.volume_gb.total_seconds()),
        }
