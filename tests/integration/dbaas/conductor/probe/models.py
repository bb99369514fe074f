from typing import ClassVar

from django.db import models


class Handled(models.Model):
    """One row for each time that a handler ran to its end and was committed."""

    instance_id = models.CharField(max_length=36)
    command_id = models.CharField(max_length=64)
    kind = models.CharField(max_length=32)

    objects: ClassVar["models.Manager[Handled]"] = models.Manager()

    class Meta:
        app_label = "probe"

    def __str__(self) -> str:
        return f"{self.kind} {self.command_id}"
