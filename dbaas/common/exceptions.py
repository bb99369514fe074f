"""Every refusal in one shape: ``{"<fault name>": {"code": …, "message": …}}`` (contract 1.1.2)."""

import sys
import uuid
from collections.abc import Iterator, Mapping
from typing import Any, Final

from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, JsonResponse
from rest_framework import exceptions as drf
from rest_framework.response import Response

from dbaas.common.errors import DbaasError
from dbaas.common.logs import get_logger

log = get_logger(__name__)

FAULT_NAMES: Final[Mapping[int, str]] = {
    400: "badRequest", 401: "unauthorized", 403: "forbidden", 404: "itemNotFound", 405: "badMethod",
    406: "notAcceptable", 409: "conflict", 411: "lengthRequired", 413: "overLimit", 415: "badMediaType",
    422: "unprocessableEntity", 429: "overLimit", 500: "instanceFault", 501: "notImplemented",
    503: "serviceUnavailable",
}  # fmt: skip
MESSAGES: Final[Mapping[int, str]] = {
    400: "The request could not be understood.",
    401: "The request you have made requires authentication.",
    403: "You are not allowed to do this.",
    404: "The resource could not be found.",
    405: "The method is not allowed for this resource.",
    406: "Only application/json is served here.",
    413: "The request body is too large.",
    415: "The body must be application/json.",
    503: "A part of the service is away for the moment. Please try again.",
}


def fault(status: int, message: str, **details: Any) -> dict[str, Any]:
    """The body of an error answer."""
    if status == 401:  # as Keystone's middleware says it: clients log in again
        return {"error": {"code": 401, "title": "Unauthorized", "message": message}}
    return {FAULT_NAMES.get(status, "badRequest"): {"code": status, "message": message, **details}}


def fault_response(status: int, message: str = "") -> JsonResponse:
    """The same outside of REST framework."""
    return JsonResponse(fault(status, message or MESSAGES.get(status, MESSAGES[400])), status=status)


def exception_handler(error: Exception, context: Mapping[str, Any]) -> Response:
    """REST framework's hook: an answer for whatever a view raised."""
    if isinstance(error, DbaasError):
        return _expected(error, context.get("view"))
    if isinstance(error, drf.ValidationError):
        return Response(fault(400, validation_message(error.detail)), status=400)
    if isinstance(error, drf.APIException):
        return _framework(error)
    status = _status_of(error)
    if status is not None:
        if status == 503:
            log.error("database_away", error=type(error).__name__, exc_info=error)
        return Response(fault(status, MESSAGES[status]), status=status)
    return Response(unexpected(error), status=500)


def unexpected(error: BaseException | None) -> dict[str, Any]:
    """The body for a defect: nothing of it is shown but an id that finds it in the log."""
    incident = str(uuid.uuid4())
    log.error("unexpected_error", incident=incident, exc_info=error)
    return fault(500, f"The server met an unexpected condition. Please quote {incident} when asking.")


def _expected(error: DbaasError, view: Any) -> Response:
    if error.status >= 500:
        log.warning("request_failed", code=error.code, message=error.message)
    headers, details = {}, {}
    if error.status == 401 and view is not None:
        headers["WWW-Authenticate"] = view.get_authenticate_header(view.request) or "Keystone"
    retry_after = error.extra.get("retry_after")
    if retry_after is not None:
        seconds = max(1, round(float(retry_after) + 0.5))
        headers["Retry-After"] = str(seconds)
        details = {"retryAfter": seconds, "details": error.extra.get("details", error.message)}
    return Response(fault(error.status, error.message, **details), status=error.status, headers=headers)


def _framework(error: drf.APIException) -> Response:
    status = error.status_code
    message = MESSAGES.get(status, MESSAGES[400])
    if status == 400 or (status in {406, 415} and isinstance(error.detail, str)):
        message = _sentence(error, message)
    headers = {}
    if auth_header := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = auth_header
    return Response(fault(status, message), status=status, headers=headers)


def _sentence(error: drf.APIException, default: str) -> str:
    # REST framework's own texts quote what the client sent; ours are sentences raised on purpose.
    if isinstance(error, drf.ParseError | drf.UnsupportedMediaType) and "{" in str(error.default_detail):
        return default
    return str(error.detail) if isinstance(error.detail, str) else default


def _status_of(error: Exception) -> int | None:
    if isinstance(error, Http404):
        return 404
    if isinstance(error, PermissionDenied):
        return 403
    if isinstance(error, RequestDataTooBig):
        return 413
    if isinstance(error, SuspiciousOperation):
        return 400
    if isinstance(error, OperationalError | InterfaceError):
        return 503
    return None


def validation_message(detail: Any) -> str:
    """``Validation error: path message; path message`` from REST framework's tree of details."""
    return "Validation error: " + "; ".join(_flatten(detail, ""))


def _flatten(detail: Any, path: str) -> Iterator[str]:
    if isinstance(detail, Mapping):
        for key, value in detail.items():
            name = "" if key == "non_field_errors" else str(key)[:80]
            yield from _flatten(value, f"{path}.{name}".strip("."))
    elif isinstance(detail, list | tuple):
        for index, value in enumerate(detail):
            nested = isinstance(value, Mapping | list | tuple)
            if not nested or value:
                yield from _flatten(value, f"{path}[{index}]" if nested else path)
    else:
        yield f"{path} {detail}".strip()


def bad_request(request: HttpRequest, exception: Exception | None = None) -> JsonResponse:
    return fault_response(413 if isinstance(exception, RequestDataTooBig) else 400)


def permission_denied(request: HttpRequest, exception: Exception | None = None) -> JsonResponse:
    return fault_response(403)


def page_not_found(request: HttpRequest, exception: Exception | None = None) -> JsonResponse:
    return fault_response(404)


def server_error(request: HttpRequest) -> JsonResponse:
    return JsonResponse(unexpected(sys.exc_info()[1]), status=500)
