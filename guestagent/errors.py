"""Errors that a command can end with; their codes travel to the control plane and to the user."""


class GuestError(Exception):
    """A command did not work. `code` is stable; the message is for a user and holds no secret."""

    code = "guest_error"

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        if code is not None:
            self.code = code


class EngineNotReady(GuestError):
    code = "datastore_not_ready"


class InvalidName(GuestError):
    """A database, user or host name that the engine cannot or must not take."""

    code = "invalid_name"


class DatabaseNotFound(GuestError):
    code = "database_not_found"


class UserNotFound(GuestError):
    code = "user_not_found"


class UserExists(GuestError):
    code = "user_exists"


class EngineTimeout(GuestError):
    code = "datastore_timeout"


class EngineFailed(GuestError):
    """The database server refused or broke; the message says what it said."""

    code = "datastore_failed"


class ConfigurationRefused(GuestError):
    """The database server does not take a value of its configuration; it has the values it had before."""

    code = "configuration_refused"


class Cancelled(GuestError):
    code = "cancelled"
