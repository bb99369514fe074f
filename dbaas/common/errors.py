"""Errors of the control plane: a stable code, an HTTP status, and a message for the user.

The API renders them as Trove does, ``{"<fault name>": {"code": 404, "message": "…"}}`` (contract, 1.1.2);
the fault name follows from the status. Adapters translate foreign errors at their boundary into these.
"""

from typing import Any, ClassVar


class DbaasError(Exception):
    """Base of all expected errors. The message is shown to users and must hold no secret."""

    code: ClassVar[str] = "error"
    status: ClassVar[int] = 400
    retryable: ClassVar[bool] = False

    def __init__(self, message: str, **extra: Any) -> None:
        super().__init__(message)
        self.message = message
        self.extra = extra


class BadRequest(DbaasError):
    code = "bad_request"
    status = 400


class Unauthorized(DbaasError):
    code = "unauthorized"
    status = 401


class Forbidden(DbaasError):
    code = "forbidden"
    status = 403


class NotFound(DbaasError):
    code = "not_found"
    status = 404


class Conflict(DbaasError):
    code = "conflict"
    status = 409


class InstanceBusy(DbaasError):
    """Another operation runs on the instance; the message names it."""

    code = "instance_busy"
    status = 422


class Unprocessable(DbaasError):
    code = "unprocessable"
    status = 422


class OverLimit(DbaasError):
    """A quota or a rate limit. `extra["retry_after"]` (seconds) becomes a Retry-After header."""

    code = "over_limit"
    status = 413


class NotImplementedHere(DbaasError):
    code = "not_implemented"
    status = 501


class GuestSilent(DbaasError):
    """The guest agent did not answer in time."""

    code = "guest_silent"
    status = 503
    retryable = True


class ServiceUnavailable(DbaasError):
    """The broker, Redis or another part of ours is away; nothing was changed."""

    code = "service_unavailable"
    status = 503
    retryable = True
