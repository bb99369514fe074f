"""Links of resources, as the contract's 1.1.1 has them, with the scheme and host that the client used."""

from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest
from rest_framework.request import Request


def base_url(request: Request | HttpRequest) -> str:
    """``scheme://host[:port]`` without a slash at the end: PUBLIC_ENDPOINT, or as the request came."""
    if settings.PUBLIC_ENDPOINT:
        return str(settings.PUBLIC_ENDPOINT).rstrip("/")
    return str(request.build_absolute_uri("/")).rstrip("/")


def resource_links(
    request: Request | HttpRequest, project_id: str, collection: str, key: str
) -> list[dict[str, str]]:
    """The self and bookmark links of one resource."""
    base = base_url(request)
    return [
        {"rel": "self", "href": f"{base}/v1.0/{project_id}/{collection}/{key}"},
        {"rel": "bookmark", "href": f"{base}/{collection}/{key}"},
    ]


def next_links(request: Request, query: dict[str, Any]) -> list[dict[str, str]]:
    """The link to the next page: this request's path with `query` as its query."""
    return [{"rel": "next", "href": f"{base_url(request)}{request.path}?{urlencode(query, doseq=True)}"}]
