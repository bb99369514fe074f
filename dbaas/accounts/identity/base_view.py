"""What the identity views share: Keystone's error shape, and the token with its row."""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, cast

from django.conf import settings
from rest_framework.authentication import BaseAuthentication
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from dbaas.accounts import tokens
from dbaas.accounts.caller import Caller
from dbaas.accounts.identity.local import caller_of
from dbaas.common.errors import NotFound
from dbaas.common.exceptions import exception_handler
from dbaas.common.links import base_url
from dbaas.common.views import ApiView


def identity_exception_handler(error: Exception, context: Mapping[str, Any]) -> Response:
    """The same answers as everywhere, in Keystone's words: {"error": {"code", "title", "message"}}."""
    response = exception_handler(error, context)
    fault = next(iter(response.data.values()))
    response.data = {
        "error": {
            "code": response.status_code,
            "title": HTTPStatus(response.status_code).phrase,
            "message": fault["message"],
        }
    }
    return response


class TokenRowAuthentication(BaseAuthentication):
    """Like TokenAuthentication, with the token's row in `request.auth`."""

    def authenticate(self, request: Request) -> tuple[Caller, tokens.ValidToken] | None:
        if token := request.headers.get("X-Auth-Token"):
            valid = tokens.validate(token)
            return caller_of(valid), valid
        return None

    def authenticate_header(self, request: Request) -> str:
        return f'Keystone uri="{base_url(request)}/identity/v3"'


class IdentityView(ApiView):
    """A view of the built-in identity; with another driver these addresses are not there."""

    schema = None  # Keystone's API, not ours to document
    authentication_classes = [TokenRowAuthentication]
    permission_classes = [IsAuthenticated]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        if settings.IDENTITY_DRIVER != "local":
            raise NotFound("Identity is served elsewhere.")
        super().initial(request, *args, **kwargs)

    def get_exception_handler(self) -> Callable[..., Response | None]:
        return identity_exception_handler

    @property
    def caller(self) -> Caller:
        return cast("Caller", self.request.user)

    @property
    def token(self) -> tokens.ValidToken:
        """The token of the request."""
        return cast("tokens.ValidToken", self.request.auth)

    @property
    def base(self) -> str:
        return base_url(self.request)

    @property
    def href(self) -> str:
        return f"{self.base}{self.request.path}"


class PublicIdentityView(IdentityView):
    """One that needs no token."""

    authentication_classes = []
    permission_classes = []
