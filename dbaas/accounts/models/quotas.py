"""Quotas: what a project may use, what it uses, and who holds it.

Projects are named by id alone, since with Keystone they are not rows of ours.
"""

from django.db import models
from django.utils import timezone


class Resource(models.TextChoices):
    """What is counted. The values are Trove's."""

    INSTANCES = "instances", "instances"
    RAM = "ram", "RAM (MB)"
    VOLUMES = "volumes", "volumes (GB)"
    BACKUPS = "backups", "backups"


class QuotaLimit(models.Model):
    """A project's own limit; without a row the setting's default applies. -1 is unlimited."""

    project_id = models.CharField(max_length=64)
    resource = models.CharField(max_length=16, choices=Resource.choices)
    limit = models.BigIntegerField(help_text="-1: unlimited")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project_id", "resource"], name="accounts_quota_limit_once"),
            models.CheckConstraint(condition=models.Q(limit__gte=-1), name="accounts_quota_limit_range"),
        ]
        ordering = ["project_id", "resource"]

    def __str__(self) -> str:
        return f"{self.project_id} {self.resource}: {self.limit}"


class QuotaUsage(models.Model):
    """The counters that a reservation is checked against, in one conditional UPDATE.

    They are the sums of the project's QuotaHold rows: `in_use` of what is committed, `reserved` of the
    growth that is not.
    """

    project_id = models.CharField(max_length=64)
    resource = models.CharField(max_length=16, choices=Resource.choices)
    in_use = models.BigIntegerField(default=0)
    reserved = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project_id", "resource"], name="accounts_quota_usage_once"),
            # Not PositiveBigIntegerField: unsigned on MariaDB, where a difference below zero is an error.
            models.CheckConstraint(
                condition=models.Q(in_use__gte=0, reserved__gte=0), name="accounts_quota_usage_range"
            ),
        ]
        ordering = ["project_id", "resource"]
        verbose_name_plural = "quota usage"

    def __str__(self) -> str:
        return f"{self.project_id} {self.resource}: {self.in_use} + {self.reserved}"


class QuotaHold(models.Model):
    """What one holder (an instance, a backup, an operation) has of one resource.

    reserve() ──▶ reserved ≠ 0 ──commit()──▶ committed, reserved = 0 ──▶ … ──release()──▶ no row

    `reserved` is a change under way and may be negative (a volume made smaller): room is given back only
    when the change has been made.
    """

    holder = models.CharField(max_length=64)
    project_id = models.CharField(max_length=64, db_index=True)
    resource = models.CharField(max_length=16, choices=Resource.choices)
    reserved = models.BigIntegerField(default=0)
    committed = models.BigIntegerField(default=0)
    changed_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["holder", "resource"], name="accounts_quota_hold_once")
        ]
        ordering = ["project_id", "holder", "resource"]
        verbose_name = "quota reservation"

    def __str__(self) -> str:
        return f"{self.holder} {self.resource}: {self.committed} + {self.reserved}"
