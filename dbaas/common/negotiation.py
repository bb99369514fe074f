"""Which media types we speak: JSON, also under Trove's vendor name, and JSON when nothing is said."""

from collections.abc import Iterable
from typing import Any

from rest_framework.exceptions import NotAcceptable
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

_VENDOR_TYPE = "application/vnd.openstack.trove+json"


class TroveNegotiation(DefaultContentNegotiation):
    def select_parser(self, request: Request, parsers: Iterable[BaseParser]) -> Any:
        """A body without a Content-Type is read as JSON (Trove drops it silently)."""
        if not request.content_type:
            return next(iter(parsers))
        return super().select_parser(request, parsers)

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        ours = next(iter(renderers))
        header = request.META.get("HTTP_ACCEPT", "").lower()
        accepted = [part.strip() for part in header.split(",") if part.strip()]
        if not accepted:
            return ours, str(ours.media_type)
        for part in accepted:
            if part.startswith(_VENDOR_TYPE):
                if _version(part) not in {"1.0", ""}:
                    raise NotAcceptable("The version asked for is not served here; 1.0 is.")
                return ours, str(ours.media_type)
        return super().select_renderer(request, renderers, format_suffix)  # type: ignore[no-any-return]


def _version(media_type: str) -> str:
    for parameter in media_type.split(";")[1:]:
        name, _, value = parameter.strip().partition("=")
        if name == "version":
            return value.strip().strip('"')
    return ""
