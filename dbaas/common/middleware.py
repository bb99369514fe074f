"""The outermost layer: request ids, limits of what may come in, and one shape for what goes out."""

import re
import time
from collections.abc import Callable
from typing import Final
from urllib.parse import unquote_to_bytes

from django.conf import settings
from django.http import HttpRequest, JsonResponse
from django.http.response import HttpResponseBase

from dbaas.common import context, metrics
from dbaas.common.exceptions import fault_response
from dbaas.common.logs import get_logger

log = get_logger("dbaas.access")

REQUEST_ID_HEADER: Final = "X-Openstack-Request-Id"
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"})
_PAGES: Final = (
    "/admin",
    "/schema",
    "/static",
    "/identity",
)  # these speak HTML or an error shape of their own
_QUIET: Final = frozenset({"/healthz", "/readyz", "/metrics"})
#: Trove's routes take a ".json" at the end; names of databases and users may end like that themselves.
_JSON_SUFFIX: Final = re.compile(r"(/v1\.0/(?!.*/(?:databases|users)/).+)\.json")


class RequestContextMiddleware:
    """Gives every answer a request id, and every request a line in the log and a sample in the metrics."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        started = time.perf_counter()
        context.clear()
        request_id = context.new_request_id()
        outer_id = request.headers.get(REQUEST_ID_HEADER, "")
        context.bind(
            request_id=request_id, global_request_id=outer_id if context.is_request_id(outer_id) else ""
        )
        try:
            response = _refusal(request) or self._respond(request)
            response[REQUEST_ID_HEADER] = request_id
            _account(request, response, time.perf_counter() - started)
        finally:
            context.clear()
        return response

    def _respond(self, request: HttpRequest) -> HttpResponseBase:
        if suffixed := _JSON_SUFFIX.fullmatch(request.path_info):
            request.path_info = suffixed[1]
            request.path = request.path.removesuffix(".json")
        response = self.get_response(request)
        if request.path_info.startswith(_PAGES):
            return response
        if response.status_code >= 400 and not response.get("Content-Type", "").startswith(
            "application/json"
        ):
            return _reshaped(response)
        if "Content-Type" not in response:  # Trove's empty answers have one
            response["Content-Type"] = "application/json"
        return response


def _refusal(request: HttpRequest) -> JsonResponse | None:
    """The answer to a request that no view should see."""
    if not _is_clean(request):
        return fault_response(400, "The URL must be UTF-8 without NUL characters.")
    if request.headers.get("Transfer-Encoding"):
        return fault_response(411, "Send the body with a Content-Length.")
    length = request.META.get("CONTENT_LENGTH") or "0"
    if not (length.isascii() and length.isdigit()):
        return fault_response(400, "The Content-Length is not a number.")
    if int(length[:18]) > settings.MAX_BODY_BYTES:
        return fault_response(413, f"The request body is larger than {settings.MAX_BODY_BYTES} bytes.")
    return None


def _is_clean(request: HttpRequest) -> bool:
    # Of a path that is not UTF-8 Django has made another one already, which no route or row has.
    try:
        query = unquote_to_bytes(request.META.get("QUERY_STRING", "")).decode("utf-8")
    except UnicodeError:
        return False
    return "\0" not in request.path_info and "\0" not in query


def _reshaped(response: HttpResponseBase) -> JsonResponse:
    shaped = fault_response(response.status_code)
    for header in ("Allow", "Retry-After", "WWW-Authenticate"):
        if header in response:
            shaped[header] = response[header]
    return shaped


def _account(request: HttpRequest, response: HttpResponseBase, seconds: float) -> None:
    match = request.resolver_match
    route = f"/{match.route}" if match else "unmatched"
    # A made-up method would make a new time series for each one.
    method = request.method if request.method in _METHODS else "OTHER"
    metrics.REQUEST_SECONDS.labels(method, route, str(response.status_code)).observe(seconds)
    if request.path_info in _QUIET and response.status_code < 400:
        return
    log.info(
        "request", method=method, route=route, path=request.path_info[:200], status=response.status_code,
        ms=round(seconds * 1000, 1),
    )  # fmt: skip
