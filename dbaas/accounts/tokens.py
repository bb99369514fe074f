"""Tokens of the built-in identity: opaque random values, stored hashed, looked up afresh for each request."""

import hashlib
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone

from dbaas.accounts.models import ApplicationCredential, Project, Role, RoleAssignment, Token, User
from dbaas.common.errors import Unauthorized
from guestagent.protocol.secret import Secret

_EXPIRED_ARE_KEPT = timedelta(days=1)
INVALID = "The request you have made requires authentication."


@dataclass(frozen=True, slots=True)
class ValidToken:
    """A token that is good now, with the roles its user has now."""

    row: Token
    roles: frozenset[str]


def issue(
    *,
    user: User,
    project: Project | None,
    methods: Sequence[str],
    application_credential: ApplicationCredential | None = None,
    parent: Token | None = None,
) -> tuple[Secret, ValidToken]:
    """A new token. One made from another lives no longer than that, or logins could be stretched for ever.

    Raises Unauthorized when the user has no role on the project, or the credential has expired.
    """
    roles = _current_roles(user, project, application_credential)
    if project and not (roles and project.enabled):
        raise Unauthorized(INVALID)
    now = timezone.now()
    expires_at = _expiry(now, application_credential, parent)
    if expires_at <= now:
        raise Unauthorized(INVALID)
    value = Secret(secrets.token_urlsafe(32))
    row = Token.objects.create(
        token_hash=hash_token(value.reveal()),
        user=user,
        project=project,
        application_credential=application_credential,
        methods=list(dict.fromkeys([*methods, *(parent.methods if parent else ())])),
        login_epoch=user.login_epoch,
        audit_id=secrets.token_urlsafe(16),
        parent_audit_id=(parent.parent_audit_id or parent.audit_id) if parent else "",
        issued_at=now,
        expires_at=expires_at,
    )
    return value, ValidToken(row, roles)


def _expiry(
    now: datetime, application_credential: ApplicationCredential | None, parent: Token | None
) -> datetime:
    ends = [now + timedelta(seconds=settings.TOKEN_LIFETIME_SECONDS)]
    if application_credential and application_credential.expires_at:
        ends.append(application_credential.expires_at)
    if parent:
        ends.append(parent.expires_at)
    return min(ends)


def validate(token: str) -> ValidToken:
    """Look a token up. Nothing is cached: what was revoked, disabled or taken away counts from that moment.

    Raises Unauthorized.
    """
    now = timezone.now()
    row = (
        Token.objects.select_related("user", "project", "application_credential")
        .filter(token_hash=hash_token(token))
        .first()
    )
    if row is None or row.revoked_at is not None or row.expires_at <= now:
        raise Unauthorized(INVALID)
    if not row.user.enabled or row.login_epoch != row.user.login_epoch:
        raise Unauthorized(INVALID)
    roles = _current_roles(row.user, row.project, row.application_credential)
    if row.project and not (row.project.enabled and roles):
        raise Unauthorized(INVALID)
    return ValidToken(row, roles)


def revoke(token: Token) -> None:
    """End a token now. Twice is harmless."""
    Token.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=timezone.now())


def delete_expired() -> int:
    """Remove tokens that ended a while ago. Returns how many."""
    return Token.objects.filter(expires_at__lt=timezone.now() - _EXPIRED_ARE_KEPT).delete()[0]


def hash_token(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()


def assigned_roles(user: User, project: Project) -> frozenset[str]:
    """The user's roles on a project, those they imply included."""
    rows = RoleAssignment.objects.filter(user=user, project=project).order_by()  # their order needs two joins
    return with_implied(rows.values_list("role", flat=True))


def with_implied(roles: Collection[str]) -> frozenset[str]:
    return frozenset(implied.value for name in roles for implied in Role(name).implied)


def _current_roles(
    user: User, project: Project | None, application_credential: ApplicationCredential | None
) -> frozenset[str]:
    if project is None:
        return frozenset()
    roles = assigned_roles(user, project)
    return roles & frozenset(application_credential.roles) if application_credential else roles
