"""Application credentials: made by their user, seen and removed by the user or an operator."""

from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from dbaas.accounts import services
from dbaas.accounts.identity import documents, wire
from dbaas.accounts.identity.base_view import IdentityView
from dbaas.accounts.models import ApplicationCredential
from dbaas.common.errors import BadRequest, Forbidden, NotFound


class CredentialBase(IdentityView):
    def rows(self, user_id: str) -> QuerySet[ApplicationCredential]:
        if user_id != self.caller.user_id and not self.caller.is_admin:
            raise Forbidden("These are another user's application credentials.")
        return ApplicationCredential.objects.filter(user_id=user_id)

    def refuse_restricted(self) -> None:
        """A leaked credential must not be able to make itself another."""
        credential = self.token.row.application_credential
        if credential and not credential.unrestricted:
            raise Forbidden("This application credential is restricted: it can't make or remove others.")


class CredentialsView(CredentialBase):
    def get(self, request: Request, user_id: str) -> Response:
        rows = self.rows(user_id)
        if "name" in request.query_params:
            rows = rows.filter(name=request.query_params["name"])
        items = [documents.application_credential(row, self.base) for row in rows]
        return Response(documents.page("application_credentials", items, self.href))

    def post(self, request: Request, user_id: str) -> Response:
        row = self.token.row
        self.refuse_restricted()
        if user_id != row.user_id:
            raise Forbidden("Only users themselves make their application credentials.")
        if row.project is None:
            raise Forbidden("The token has no project that the credential could be for.")
        fields = wire.read(request.data, wire.CredentialRequest).application_credential
        if fields.project_id not in {None, row.project.id}:
            raise Forbidden("An application credential is for the project of the token.")
        if fields.access_rules:
            raise BadRequest("Access rules are not supported; name roles to restrict a credential.")
        made = services.application_credential_create(
            user=row.user,
            project=row.project,
            name=fields.name,
            description=fields.description or "",
            roles=self._roles(fields),
            secret=fields.secret,
            expires_at=wire.aware(fields.expires_at),
            unrestricted=bool(fields.unrestricted),
        )
        document = documents.application_credential(made.row, self.base)
        document["secret"] = made.secret.reveal()
        return Response(
            {"application_credential": document}, status=201, headers={"Cache-Control": "no-store"}
        )

    def _roles(self, fields: wire.CredentialFields) -> list[str]:
        """The roles named; without any, those of the token, which may be fewer than the user's."""
        names = [documents.role_name(role.id, role.name) for role in fields.roles or []]
        if None in names:
            raise BadRequest("There is no such role.")
        wanted = {name for name in names if name}
        if not wanted.issubset(self.token.roles):
            raise Forbidden("The token does not have these roles itself.")
        return sorted(wanted or self.token.roles)


class CredentialView(CredentialBase):
    def get(self, request: Request, user_id: str, credential_id: str) -> Response:
        return Response({"application_credential": documents.application_credential(
            self._row(user_id, credential_id), self.base
        )})  # fmt: skip

    def delete(self, request: Request, user_id: str, credential_id: str) -> Response:
        self.refuse_restricted()
        self._row(user_id, credential_id).delete()  # its tokens end with it
        return Response(status=204)

    def _row(self, user_id: str, credential_id: str) -> ApplicationCredential:
        row = self.rows(user_id).filter(id=credential_id).first()
        if row is None:
            raise NotFound("There is no such application credential.")
        return row
