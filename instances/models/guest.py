"""The guest agent of an instance, and what it was asked to do."""

import uuid
from typing import Any

from django.db import models

from guestagent.protocol.types import DatastoreStatus
from instances.models.instance import Instance


class Guest(models.Model):
    """What we know of an instance's guest agent: its keys, and what its heartbeats said last."""

    instance = models.OneToOneField(
        Instance, on_delete=models.CASCADE, primary_key=True, related_name="guest"
    )
    wrapped_key = models.TextField()  # under INST_RPC_KEY_ENCR_KEY; empty once the instance is deleted
    public_key = models.CharField(max_length=64)  # verifies its reports
    command_sequence = models.PositiveBigIntegerField(default=0)  # last one sent
    report_sequence = models.PositiveBigIntegerField(default=0)  # of the newest heartbeat

    datastore_status = models.CharField(
        max_length=32,
        choices=[(s.value, s.value) for s in DatastoreStatus],
        default=DatastoreStatus.NEW.value,
    )
    status_at = models.DateTimeField(auto_now_add=True)  # when datastore_status last changed
    last_seen_at = models.DateTimeField(null=True)
    agent_version = models.CharField(max_length=32, blank=True, default="")
    engine_version = models.CharField(max_length=64, blank=True, default="")
    volume_used_bytes = models.BigIntegerField(null=True)
    volume_total_bytes = models.BigIntegerField(null=True)

    class Meta:
        db_table = "guests"

    def __str__(self) -> str:
        return f"guest of {self.instance_id}"


class CommandState(models.TextChoices):
    SENT = "sent"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    REFUSED = "refused"


class GuestCommand(models.Model):
    """A command an operation sent to a guest, and how it ended. SENT ──▶ SUCCEEDED | FAILED | REFUSED, once.

    The id is made from the operation and the step, so that a step that runs again asks about the same
    command. The payload is not kept: the guest journals it, and the operation can make it again.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    instance = models.ForeignKey(Instance, on_delete=models.CASCADE, related_name="commands")
    operation_id = models.UUIDField()
    kind = models.CharField(max_length=64)
    state = models.CharField(max_length=16, choices=CommandState.choices, default=CommandState.SENT)
    sent_at = models.DateTimeField(null=True)  # when the broker last took it
    finished_at = models.DateTimeField(null=True)
    result: "models.JSONField[Any, Any]" = models.JSONField(null=True)
    error_code = models.CharField(max_length=64, blank=True, default="")
    error_message = models.TextField(blank=True, default="")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "guest_commands"
        indexes = [models.Index(fields=["operation_id"], name="guest_command_by_operation")]

    def __str__(self) -> str:
        return f"{self.kind} to {self.instance_id}"
