"""Answers kept for ``Idempotency-Key``."""

from django.db import models


class IdempotentRequest(models.Model):
    """A POST that came with a key, and the answer it got.

    `fingerprint` is a keyed digest of who asked for what; `answer` is sealed, for it may hold a password.
    Without an answer the first request is still being worked on, until `expires_at` at the latest.
    """

    project_id = models.CharField(max_length=64)
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64)
    answer = models.TextField(blank=True, default="")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project_id", "key"], name="idempotent_request_once")]

    def __str__(self) -> str:
        return f"{self.project_id} {self.key}"
