"""What happened, who is told of it, and what was used."""

import uuid
from typing import Any

from django.db import models
from django.utils import timezone


class Event(models.Model):
    """A change of something a project owns; written in the transaction of the change, never changed after.

    `type` is ``<kind of operation>.<requested|succeeded|failed|cancelled>`` or ``<resource>s.<past tense>``.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project_id = models.CharField(max_length=64)
    type = models.CharField(max_length=96)
    resource_type = models.CharField(max_length=32)  # "instance", "backup", "configuration", …
    resource_id = models.CharField(max_length=64)
    operation_id = models.CharField(max_length=36, blank=True, default="")
    actor = models.CharField(max_length=64, blank=True, default="")  # a user's id; empty: the service itself
    request_id = models.CharField(max_length=64, blank=True, default="")
    before: "models.JSONField[dict[str, Any], dict[str, Any]]" = models.JSONField(default=dict)
    after: "models.JSONField[dict[str, Any], dict[str, Any]]" = models.JSONField(default=dict)
    created_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        db_table = "events"
        indexes = [
            models.Index(fields=["project_id", "-created_at", "-id"], name="event_by_project"),
            models.Index(fields=["resource_id", "-created_at", "-id"], name="event_by_resource"),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.resource_id}"


class Webhook(models.Model):
    """Whom a project wants to be told of its events.

    Trouble with the receiver itself (it is away, or fails) pauses the whole webhook: `failures` in a row,
    until `resume_at`. Trouble with one event delays that event and what follows it of the same resource.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project_id = models.CharField(max_length=64, db_index=True)
    url = models.CharField(max_length=2000)
    types: "models.JSONField[list[str], list[str]]" = models.JSONField(default=list)  # prefixes; empty: all
    description = models.CharField(max_length=255, blank=True, default="")
    is_enabled = models.BooleanField(default=True)
    sealed_secret = models.TextField()  # signs what is sent

    failures = models.PositiveIntegerField(default=0)
    resume_at = models.DateTimeField(default=timezone.now)
    served_at = models.DateTimeField(default=timezone.now)  # those not served for longest come first
    succeeded_at = models.DateTimeField(null=True, blank=True)
    last_error = models.CharField(max_length=255, blank=True, default="")

    created_by = models.CharField(max_length=64, blank=True, default="")
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "webhooks"

    def __str__(self) -> str:
        return self.url


class DeliveryState(models.TextChoices):
    PENDING = "pending"
    DELIVERED = "delivered"
    DEAD = "dead"


class WebhookDelivery(models.Model):
    """One event to be sent to one webhook. Written with the event, so that none is ever forgotten.

        PENDING ──▶ DELIVERED
          ▲  └────▶ DEAD       (refused for longer than WEBHOOK_GIVE_UP_SECONDS)
          └─redrive──┘

    Of one resource they go out in the order of `id`, one after another.
    """

    webhook = models.ForeignKey(Webhook, on_delete=models.CASCADE, related_name="deliveries")
    event = models.ForeignKey(Event, on_delete=models.CASCADE, related_name="deliveries")
    resource_id = models.CharField(max_length=64)  # the event's, for the order
    state = models.CharField(max_length=16, choices=DeliveryState.choices, default=DeliveryState.PENDING)
    attempts = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField(default=timezone.now)
    give_up_at = models.DateTimeField()
    last_status = models.PositiveSmallIntegerField(null=True)  # HTTP, of the last attempt
    last_error = models.CharField(max_length=255, blank=True, default="")
    created_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "webhook_deliveries"
        verbose_name_plural = "webhook deliveries"
        indexes = [
            models.Index(fields=["webhook", "state", "id"], name="delivery_queue"),
            models.Index(fields=["state", "next_attempt_at"], name="delivery_due"),
        ]

    def __str__(self) -> str:
        return f"{self.event_id} to {self.webhook_id}"


class DispatcherLease(models.Model):
    """One row: which process sends webhooks now. A dead one's lease runs out."""

    name = models.CharField(max_length=16, primary_key=True)
    token = models.CharField(max_length=32, blank=True, default="")
    until = models.DateTimeField()

    class Meta:
        db_table = "webhook_dispatcher"

    def __str__(self) -> str:
        return self.name


class UsageInterval(models.Model):
    """A stretch of time in which a resource existed with the same size; what is billed is their sum.

    Opened and closed in the transaction of the change that begins or ends it, at one moment for the old and
    the new one, so that nothing is counted twice or lost. `open_key` holds the resource's id while it is open
    and is unique: a resource has at most one.
    """

    project_id = models.CharField(max_length=64)
    resource_id = models.CharField(max_length=64)
    flavor_id = models.CharField(max_length=64, blank=True, default="")
    ram_mb = models.PositiveIntegerField(default=0)
    vcpus = models.PositiveIntegerField(default=0)
    volume_gb = models.PositiveIntegerField(default=0)
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    open_key = models.CharField(max_length=64, null=True, blank=True, unique=True, default=None)

    class Meta:
        db_table = "usage_intervals"
        indexes = [
            models.Index(fields=["project_id", "started_at"], name="usage_by_project"),
            models.Index(fields=["ended_at", "started_at"], name="usage_by_time"),
        ]

    def __str__(self) -> str:
        return f"{self.resource_id} from {self.started_at:%Y-%m-%d %H:%M:%S}"
