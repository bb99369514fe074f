"""Modules: small files that drivers of the guest act on, and the instances they are on."""

import uuid

from django.db import models

from datastores.models import Datastore, DatastoreVersion
from instances.models.instance import Instance


class Module(models.Model):
    """A small file for instances: of one datastore or version, or (those empty) of any.

    It belongs to a project; with `is_for_all` every project may use it. Its contents are sealed.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project_id = models.CharField(max_length=64)
    name = models.CharField(max_length=255)
    type = models.CharField(max_length=64)
    description = models.CharField(max_length=255, blank=True, default="")
    sealed_contents = models.TextField()
    md5 = models.CharField(max_length=32)  # of the contents, to see whether an instance has the newest
    datastore = models.ForeignKey(
        Datastore, on_delete=models.PROTECT, null=True, blank=True, related_name="modules"
    )
    datastore_version = models.ForeignKey(
        DatastoreVersion, on_delete=models.PROTECT, null=True, blank=True, related_name="modules"
    )
    is_for_all = models.BooleanField("for all projects", default=False)
    is_visible = models.BooleanField("visible", default=True, help_text="Else operators only see it.")
    is_admin = models.BooleanField("made by an operator", default=False)
    live_update = models.BooleanField(default=False, help_text="May be changed while instances have it.")
    auto_apply = models.BooleanField(default=False, help_text="New instances get it.")
    priority_apply = models.BooleanField(default=False, help_text="Before those without.")
    apply_order = models.PositiveSmallIntegerField(default=5)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "modules"
        ordering = ["id"]
        indexes = [models.Index(fields=["project_id", "created_at", "id"], name="module_by_project")]

    def __str__(self) -> str:
        return self.name


class InstanceModule(models.Model):
    """A module on an instance: written before the guest is asked, so that one that may be there is known.

    APPLYING ──▶ APPLIED | FAILED, and again from either; a removed one has no row.
    """

    class Status(models.TextChoices):
        APPLYING = "applying"
        APPLIED = "applied"
        FAILED = "failed"

    instance = models.ForeignKey(Instance, on_delete=models.CASCADE, related_name="modules")
    module = models.ForeignKey(Module, on_delete=models.PROTECT, related_name="applied")
    md5 = models.CharField(max_length=32)  # of the contents that it got
    status = models.CharField(max_length=16, choices=Status.choices, default=Status.APPLYING)
    message = models.TextField(blank=True, default="")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "instance_modules"
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["instance", "module"], name="instance_module_once"),
        ]

    def __str__(self) -> str:
        return f"module {self.md5} ({self.status})"
