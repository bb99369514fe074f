"""Which media types we speak: JSON, also under Trove's vendor name, and JSON when nothing is said."""

from collections.abc import Sequence
from typing import Any

from rest_framework.exceptions import NotAcceptable
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

_VENDOR_TYPE = "application/vnd.openstack.trove+json"


class TroveNegotiation(DefaultContentNegotiation):
    def select_parser(self, request: Request, parsers: Sequence[BaseParser]) -> Any:
        """A body without a Content-Type is read as JSON (Trove drops it silently)."""
        if not request.content_type:
            return parsers[0]
        return super().select_parser(request, parsers)

    def select_renderer(
        self, request: Request, renderers: Sequence[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        accepted = [
            part.strip().lower() for part in request.META.get("HTTP_ACCEPT", "").split(",") if part.strip()
        ]
        if not accepted:
            return renderers[0], renderers[0].media_type
        for part in accepted:
            if part.startswith(_VENDOR_TYPE):
                if _version(part) not in {"1.0", ""}:
                    raise NotAcceptable("The version asked for is not served here; 1.0 is.")
                return renderers[0], renderers[0].media_type
        return super().select_renderer(request, renderers, format_suffix)  # type: ignore[no-any-return]


def _version(media_type: str) -> str:
    for parameter in media_type.split(";")[1:]:
        name, _, value = parameter.strip().partition("=")
        if name == "version":
            return value.strip().strip('"')
    return ""
