"""The built-in identity: our own tables."""

from django.db.models import Q

from dbaas.accounts import policy, tokens
from dbaas.accounts.caller import Caller
from dbaas.accounts.identity.base import IdentityDriver, ProjectInfo
from dbaas.accounts.models import Project


class LocalIdentity(IdentityDriver):
    def authenticate(self, token: str) -> Caller:
        return caller_of(tokens.validate(token))

    def find_projects(self, caller: Caller, *, id_or_name: str) -> list[ProjectInfo]:
        found = Project.objects.filter(Q(id=id_or_name) | Q(name=id_or_name))
        if not caller.is_admin:
            found = found.filter(role_assignments__user_id=caller.user_id).distinct()
        return [ProjectInfo(project.id, project.name, project.enabled) for project in found]


def caller_of(valid: tokens.ValidToken) -> Caller:
    """The caller that a valid token speaks for."""
    row = valid.row
    return Caller(
        user_id=row.user_id,
        user_name=row.user.name,
        project_id=row.project.id if row.project else "",
        project_name=row.project.name if row.project else "",
        roles=valid.roles,
        is_admin=policy.is_admin(valid.roles),
        token_expires_at=row.expires_at,
    )
