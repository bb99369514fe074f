"""DRF authentication by `X-Auth-Token`."""

from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from dbaas.accounts import identity
from dbaas.accounts.caller import Caller
from dbaas.common.links import base_url


class TokenAuthentication(BaseAuthentication):
    """Sets `request.user` to a Caller. A token that is not good, or none, is 401."""

    def authenticate(self, request: Request) -> tuple[Caller, None] | None:
        token = request.headers.get("X-Auth-Token")
        if not token:
            return None
        return identity.driver().authenticate(token), None

    def authenticate_header(self, request: Request) -> str:
        """The challenge: with one, DRF answers 401 instead of 403."""
        return f'Keystone uri="{base_url(request)}/identity/v3"'
