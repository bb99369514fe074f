"""The database server a user owns."""

import uuid
from typing import Any

from django.db import models

from datastores.models import ConfigurationGroup, DatastoreVersion, Flavor


class InstanceState(models.TextChoices):
    """What we are doing with it. What the database itself is, the guest says: `Guest.datastore_status`."""

    BUILDING = "building"
    ACTIVE = "active"
    RESTARTING = "restarting"
    RESIZING = "resizing"
    UPGRADING = "upgrading"
    REBUILDING = "rebuilding"
    STOPPING = "stopping"
    STOPPED = "stopped"  # its data are kept, nothing runs
    STARTING = "starting"
    ERROR = "error"  # it was never built, or its remains could not be removed
    DELETING = "deleting"
    DELETED = "deleted"


class Instance(models.Model):
    """A database server a user owns.

        BUILDING ──▶ ACTIVE ◀──▶ RESTARTING, RESIZING, UPGRADING, REBUILDING
           │            │  ◀──▶ STOPPING ──▶ STOPPED ◀──▶ STARTING ──▶ ACTIVE
           │            │             │
           ▼            ▼             │ (any of them)
         ERROR ──▶ DELETING ◀─────────┘
           ▲            │
           └────────────┴──▶ DELETED

    Every edge is taken by `instances.state.move`, a conditional UPDATE. ``DELETED`` rows stay for history;
    selectors leave them out. What runs on it is its unfinished Operation.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project_id = models.CharField(max_length=64)
    name = models.CharField(max_length=255)
    state = models.CharField(max_length=16, choices=InstanceState.choices, default=InstanceState.BUILDING)
    datastore_version = models.ForeignKey(
        DatastoreVersion, on_delete=models.PROTECT, related_name="instances"
    )
    flavor = models.ForeignKey(Flavor, on_delete=models.PROTECT, related_name="instances")
    volume_size_gb = models.PositiveIntegerField()
    volume_type = models.CharField(max_length=255, blank=True, default="")
    region = models.CharField(max_length=255, blank=True, default="")
    availability_zone = models.CharField(max_length=255, blank=True, default="")
    nics: "models.JSONField[list[dict[str, str]], list[dict[str, str]]]" = models.JSONField(default=list)
    access: "models.JSONField[dict[str, Any], dict[str, Any]]" = models.JSONField(default=dict)  # as given
    addresses: "models.JSONField[list[dict[str, Any]], list[dict[str, Any]]]" = models.JSONField(default=list)
    tags: "models.JSONField[list[str], list[str]]" = models.JSONField(default=list)
    is_deletion_protected = models.BooleanField(default=False)
    replica_of = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="replicas"
    )
    configuration = models.ForeignKey(
        ConfigurationGroup, on_delete=models.PROTECT, null=True, blank=True, related_name="instances"
    )
    configuration_operation_id = models.UUIDField(null=True, blank=True)  # the last one that applies it
    configuration_fault: "models.JSONField[dict[str, Any] | None, dict[str, Any] | None]" = models.JSONField(
        null=True, blank=True
    )  # why the group's values of now are not what it uses
    server_id = models.CharField(max_length=64, blank=True, default="")
    volume_id = models.CharField(max_length=64, blank=True, default="")

    fault_code = models.CharField(max_length=64, blank=True, default="")
    fault_message = models.TextField(blank=True, default="")
    fault_at = models.DateTimeField(null=True, blank=True)

    created_by = models.CharField(max_length=64, blank=True, default="")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    deleted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "instances"
        ordering = ["id"]
        indexes = [
            models.Index(
                fields=["project_id", "deleted_at", "created_at", "id"], name="instance_newest_first"
            ),
            models.Index(fields=["state"], name="instance_by_state"),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.pk})"

    @property
    def lane(self) -> str:
        """Lane of its operations."""
        return str(self.pk)

    @property
    def resource_name(self) -> str:
        """Name of everything a provider makes for it; deterministic, so that it is found again."""
        return f"dbaas-{self.pk}"


class RootHistory(models.Model):
    """Who made the superuser usable, and until when. `disabled_at` is empty while it is."""

    instance = models.ForeignKey(Instance, on_delete=models.CASCADE, related_name="root_history")
    enabled_by = models.CharField(max_length=64)
    enabled_at = models.DateTimeField(auto_now_add=True)
    disabled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "root_history"
        ordering = ["-enabled_at"]
        verbose_name_plural = "root history"

    def __str__(self) -> str:
        return f"root of {self.instance_id}"
