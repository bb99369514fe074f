"""What a caller shows instead of a password. Only hashes are kept: a copy of the database opens nothing."""

from django.db import models

from dbaas.accounts.models.identity import Project, User, new_id


class ApplicationCredential(models.Model):
    """A secret for a program, with some of its user's roles on one project; it ends with them."""

    id = models.CharField(primary_key=True, max_length=32, default=new_id, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="application_credentials")
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="application_credentials")
    name = models.CharField(max_length=255)
    description = models.CharField(max_length=255, blank=True, default="")
    secret_hash = models.CharField(max_length=128, editable=False)
    roles = models.JSONField(default=list)
    unrestricted = models.BooleanField(
        default=False, help_text="It may make and remove application credentials itself."
    )
    expires_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "name"], name="accounts_application_credential_name")
        ]
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Token(models.Model):
    """One login. The row is found by the SHA-256 of the token: 256 random bits need no slow hash."""

    token_hash = models.CharField(primary_key=True, max_length=64, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="tokens")
    project = models.ForeignKey(Project, null=True, on_delete=models.CASCADE, related_name="tokens")
    application_credential = models.ForeignKey(
        ApplicationCredential, null=True, on_delete=models.CASCADE, related_name="tokens"
    )
    methods = models.JSONField(default=list)
    login_epoch = models.CharField(max_length=32, editable=False, default="")
    audit_id = models.CharField(max_length=32)
    parent_audit_id = models.CharField(max_length=32, blank=True, default="")
    issued_at = models.DateTimeField()
    expires_at = models.DateTimeField(db_index=True)
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-issued_at"]

    def __str__(self) -> str:
        return self.audit_id
