"""Operations, their lanes, and the outbox that tells workers about them."""

import uuid
from typing import Any

from django.db import models
from django.utils import timezone


class State(models.TextChoices):
    PENDING = "pending"
    RUNNING = "running"
    WAITING = "waiting"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


FINAL = frozenset({State.SUCCEEDED, State.FAILED, State.CANCELLED})
UNFINISHED = frozenset({State.PENDING, State.RUNNING, State.WAITING})


class Direction(models.TextChoices):
    FORWARD = "forward"  # the workflow's steps
    BACK = "back"  # its compensation, after a failure or a cancel


class OperationLane(models.Model):
    """Orders the operations of one thing (an instance). Bumping the row is the lock to join the lane."""

    name = models.CharField(max_length=64, primary_key=True)
    last_position = models.PositiveBigIntegerField(default=0)

    class Meta:
        db_table = "operation_lanes"

    def __str__(self) -> str:
        return self.name


class Operation(models.Model):
    """A request that takes longer than a request.

        PENDING ──claim──▶ RUNNING ──▶ SUCCEEDED
           ▲                │  ▲ │
           │              park │ └────▶ FAILED      (compensation done, or nothing to undo)
        (lease            ▼  wake ───▶ CANCELLED   (the same, after a cancel request)
         ran out)        WAITING

    * A worker takes an edge out of PENDING, WAITING or an expired RUNNING by claiming: a conditional UPDATE
      that sets a lease and a fresh `lease_token`. Each later write of that worker filters on the token, so a
      worker that lost its lease writes nothing.
    * Within a lane, operations run one after another by `position`.
    * `exclusive_key` holds the lane's name while an exclusive operation is unfinished and is unique, so that
      the database itself allows one.
    * A step that fails turns `direction` to BACK; the workflow's compensation then runs the same way.
    * `signal` counts wake-ups: an operation parks only if none came since it looked.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=64)
    project_id = models.CharField(max_length=64, db_index=True)
    resource_id = models.CharField(max_length=64, blank=True, default="")  # the instance, backup, … it is on
    lane = models.CharField(max_length=64)
    position = models.PositiveBigIntegerField()
    exclusive_key = models.CharField(max_length=64, null=True, unique=True, default=None)

    state = models.CharField(max_length=16, choices=State.choices, default=State.PENDING)
    direction = models.CharField(max_length=8, choices=Direction.choices, default=Direction.FORWARD)
    step_index = models.PositiveSmallIntegerField(default=0)
    step = models.CharField(max_length=64, blank=True, default="")
    step_started_at = models.DateTimeField(null=True)
    attempts = models.PositiveIntegerField(default=0)  # of the current step, failed ones
    progress = models.PositiveSmallIntegerField(default=0)  # percent
    waiting_for = models.CharField(max_length=64, blank=True, default="")

    wake_at = models.DateTimeField(null=True)
    deadline_at = models.DateTimeField()
    signal = models.PositiveIntegerField(default=0)
    cancel_requested_at = models.DateTimeField(null=True)
    lease_owner = models.CharField(max_length=128, blank=True, default="")
    lease_token = models.CharField(max_length=32, blank=True, default="")
    lease_until = models.DateTimeField(null=True)
    dispatched_at = models.DateTimeField(null=True)  # when the sweep last published it

    params: "models.JSONField[dict[str, Any], dict[str, Any]]" = models.JSONField(default=dict)
    sealed_params = models.TextField(blank=True, default="")  # secrets; wiped when it ends
    context: "models.JSONField[dict[str, Any], dict[str, Any]]" = models.JSONField(default=dict)
    timeline: "models.JSONField[list[dict[str, Any]], list[dict[str, Any]]]" = models.JSONField(default=list)

    error_code = models.CharField(max_length=64, blank=True, default="")
    error_message = models.TextField(blank=True, default="")
    request_id = models.CharField(max_length=64, blank=True, default="")
    actor = models.CharField(max_length=64, blank=True, default="")
    created_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "operations"
        constraints = [models.UniqueConstraint(fields=["lane", "position"], name="operation_lane_position")]
        indexes = [
            models.Index(fields=["state", "wake_at"], name="operation_due"),
            models.Index(fields=["project_id", "-created_at"], name="operation_by_project"),
            models.Index(fields=["resource_id", "-created_at"], name="operation_by_resource"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"

    @property
    def is_finished(self) -> bool:
        return self.state in FINAL


class OutboxMessage(models.Model):
    """A message that must be published. The row is written with the change that it tells of, and deleted
    when the broker has taken the message: a row that still exists is the proof that it has not."""

    task = models.CharField(max_length=64)
    args: "models.JSONField[list[Any], list[Any]]" = models.JSONField(default=list)
    queue = models.CharField(max_length=128)
    attempts = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField(default=timezone.now, db_index=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        db_table = "outbox_messages"

    def __str__(self) -> str:
        return f"{self.task} to {self.queue}"
