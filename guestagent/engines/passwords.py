"""What every engine refuses as a password."""

from guestagent.errors import GuestError
from guestagent.protocol.secret import Secret


class InvalidPassword(GuestError):
    code = "invalid_password"


def check_password(password: Secret) -> None:
    """Raises InvalidPassword; the message does not tell the password."""
    value = password.reveal()
    if not value:
        raise InvalidPassword("A password must not be empty.")
    if "\0" in value:
        raise InvalidPassword("A password must not hold a zero byte.")
