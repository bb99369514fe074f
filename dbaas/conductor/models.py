"""The conductor's memory of what it has taken in."""

from django.db import models


class ReceivedReport(models.Model):
    """A report that was handled: its like is dropped from now on.

    Written in the transaction of the handler, so "handled" and "remembered" are one. Rows are removed once
    the report would be refused for its age anyhow.
    """

    id = models.BigAutoField(primary_key=True)
    instance_id = models.CharField(max_length=36)
    message_id = models.CharField(max_length=64)
    kind = models.CharField(max_length=32)
    sequence = models.BigIntegerField()
    received_at = models.DateTimeField(auto_now_add=True, db_index=True)

    class Meta:
        constraints = [
            # The instance is part of it: a guest must not use up the message ids of another.
            models.UniqueConstraint(fields=["instance_id", "message_id"], name="conductor_received_once"),
        ]
        indexes = [
            models.Index(fields=["instance_id", "kind", "sequence"], name="conductor_received_order"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.sequence} of {self.instance_id}"
