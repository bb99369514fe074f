"""Checking passwords and secrets: the same time and the same answer whether or not the account exists."""

from django.contrib.auth import hashers

from dbaas.accounts import attempts
from dbaas.accounts.models import ApplicationCredential, User
from dbaas.common.errors import Unauthorized
from dbaas.common.logs import get_logger
from guestagent.protocol.secret import Secret

log = get_logger(__name__)

REFUSED = "The user name or password is not right."
_NOBODY = "!"  # an unusable hash: checking against it takes as long as against a real one, and fails


def check_user(*, user: User | None, claimed: str, password: Secret, address: str) -> User:
    """The user, if the password is theirs. `claimed` is what the caller said the name or id was.

    Raises Unauthorized, or TooManyAttempts without looking at the password.
    """
    attempt = attempts.Attempt(user.id if user else claimed.strip().casefold(), address)
    attempts.check(attempt)
    encoded = user.password if user else _NOBODY

    def rehash(raw: str) -> None:
        # Conditional, so that a password changed meanwhile isn't put back.
        User.objects.filter(pk=user.pk if user else None, password=encoded).update(
            password=hashers.make_password(raw)
        )

    good = hashers.check_password(password.reveal(), encoded, rehash)
    if user is None or not good or not user.enabled:
        _fail(attempt, user_id=user.id if user else None)
        raise Unauthorized(REFUSED)
    return user


def check_application_credential(
    *, credential: ApplicationCredential | None, claimed: str, secret: Secret, address: str
) -> ApplicationCredential:
    """The application credential, if the secret is right. Raises like check_user.

    Whether it has expired or lost its roles is the token's business.
    """
    attempt = attempts.Attempt(credential.id if credential else claimed, address)
    attempts.check(attempt)
    good = hashers.check_password(secret.reveal(), credential.secret_hash if credential else _NOBODY)
    if credential is None or not good or not credential.user.enabled:
        _fail(attempt, application_credential_id=credential.id if credential else None)
        raise Unauthorized(REFUSED)
    return credential


def _fail(attempt: attempts.Attempt, **whom: str | None) -> None:
    attempts.count_failure(attempt)
    log.warning("login.failed", address=attempt.address, **whom)
