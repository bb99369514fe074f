"""How an operation is shown."""

from typing import Any

from rest_framework import serializers

from dbaas.common.times import api_timestamp
from dbaas.taskmanager.models import Operation, State


class OperationStepSerializer(serializers.Serializer[Any]):
    step = serializers.CharField()
    started_at = serializers.CharField()
    seconds = serializers.FloatField()
    failed_attempts = serializers.IntegerField(required=False)
    error = serializers.CharField(required=False)


class OperationErrorSerializer(serializers.Serializer[Any]):
    code = serializers.CharField()
    message = serializers.CharField()


class OperationSerializer(serializers.Serializer[Operation]):
    """Output only; `error` is null unless it failed, and appears as soon as it is being undone."""

    id = serializers.UUIDField()
    kind = serializers.CharField()
    resource_id = serializers.CharField()
    project_id = serializers.CharField()
    state = serializers.ChoiceField(choices=State.choices)
    direction = serializers.CharField()
    step = serializers.CharField()
    waiting_for = serializers.CharField(allow_null=True)
    progress = serializers.IntegerField(min_value=0, max_value=100)
    request_id = serializers.CharField()
    created = serializers.CharField()
    started = serializers.CharField(allow_null=True)
    finished = serializers.CharField(allow_null=True)
    deadline = serializers.CharField()
    steps = OperationStepSerializer(many=True)
    error = OperationErrorSerializer(allow_null=True)

    def to_representation(self, instance: Operation) -> dict[str, Any]:
        return {
            "id": str(instance.pk),
            "kind": instance.kind,
            "resource_id": instance.resource_id,
            "project_id": instance.project_id,
            "state": instance.state,
            "direction": instance.direction,
            "step": instance.step,
            "waiting_for": instance.waiting_for or None,
            "progress": instance.progress,
            "request_id": instance.request_id,
            "created": api_timestamp(instance.created_at),
            "started": api_timestamp(instance.started_at),
            "finished": api_timestamp(instance.finished_at),
            "deadline": api_timestamp(instance.deadline_at),
            "steps": instance.timeline,
            "error": {"code": instance.error_code, "message": instance.error_message}
            if instance.error_code
            else None,
        }
