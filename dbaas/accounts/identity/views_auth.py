"""Versions, logging in, tokens and the catalog."""

from collections.abc import Sequence
from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from dbaas.accounts import attempts, tokens
from dbaas.accounts.identity import documents, login, wire
from dbaas.accounts.identity.base_view import IdentityView, PublicIdentityView
from dbaas.accounts.models import Project
from dbaas.common.errors import BadRequest, Forbidden, NotFound, Unauthorized


class VersionsView(PublicIdentityView):
    def get(self, request: Request) -> Response:
        return Response(documents.versions(self.base), status=300)


class VersionView(PublicIdentityView):
    def get(self, request: Request) -> Response:
        return Response({"version": documents.version(self.base)})


class TokensView(IdentityView):
    """POST logs in and needs no token; the others are about the token in X-Subject-Token."""

    def get_authenticators(self) -> list[Any]:
        return [] if self.request.method == "POST" else super().get_authenticators()

    def get_permissions(self) -> Sequence[Any]:
        return [] if self.request.method == "POST" else super().get_permissions()

    def post(self, request: Request) -> Response:
        body = wire.read(request.data, wire.AuthRequest)
        value, valid = login.log_in(body, address=attempts.client_address(request))
        return self._answer(valid, value.reveal(), status=201)

    def get(self, request: Request) -> Response:
        valid = self._subject()
        return self._answer(valid, request.headers["X-Subject-Token"])

    def delete(self, request: Request) -> Response:
        tokens.revoke(self._subject().row)
        return Response(status=204)

    def _subject(self) -> tokens.ValidToken:
        """The token asked about: the caller's own, or for an operator anybody's."""
        value = self.request.headers.get("X-Subject-Token")
        if not value:
            raise BadRequest("The header X-Subject-Token is missing.")
        try:
            valid = tokens.validate(value)
        except Unauthorized as error:
            raise NotFound("The token in X-Subject-Token is not good.") from error
        if valid.row.user_id != self.caller.user_id and not self.caller.is_admin:
            raise Forbidden("Only an operator may look at somebody else's token.")
        return valid

    def _answer(self, valid: tokens.ValidToken, value: str, status: int = 200) -> Response:
        wanted = "nocatalog" not in self.request.query_params
        document = {"token": documents.token(valid, self.base, with_catalog=wanted)}
        headers = {"X-Subject-Token": value, "Vary": "X-Auth-Token", "Cache-Control": "no-store"}
        return Response(document, status=status, headers=headers)


class CatalogView(IdentityView):
    def get(self, request: Request) -> Response:
        if not self.caller.project_id:
            raise Forbidden("A token without a project has no catalog.")
        items = documents.catalog(self.base, self.caller.project_id)
        return Response(documents.page("catalog", items, self.href))


class AuthProjectsView(IdentityView):
    """The projects the caller could ask a token for."""

    def get(self, request: Request) -> Response:
        rows = Project.objects.filter(enabled=True, role_assignments__user_id=self.caller.user_id).distinct()
        items = [documents.project(row, self.base) for row in rows]
        return Response(documents.page("projects", items, self.href))


class AuthDomainsView(IdentityView):
    """Domains the caller could ask a token for: there are no roles on domains."""

    def get(self, request: Request) -> Response:
        return Response(documents.page("domains", [], self.href))


class UnknownView(PublicIdentityView):
    """Everything else, in the right error shape."""

    def get(self, request: Request, rest: str) -> Response:
        raise NotFound("The built-in identity does not have this; manage.py and the admin change accounts.")

    post = put = patch = delete = get
