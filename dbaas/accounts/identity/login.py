"""From an auth request to a token: who is it, and for which project."""

from dbaas.accounts import login, tokens
from dbaas.accounts.identity import wire
from dbaas.accounts.models import ApplicationCredential, Project, User
from dbaas.common.errors import BadRequest, Forbidden, Unauthorized
from guestagent.protocol.secret import Secret


def log_in(request: wire.AuthRequest, *, address: str) -> tuple[Secret, tokens.ValidToken]:
    """Check what was shown and issue a token. Raises Unauthorized, Forbidden, BadRequest, TooManyAttempts."""
    identity, scope = request.auth.identity, request.auth.scope
    if identity.methods == ["password"] and identity.password:
        user = _by_password(identity.password.user, address)
        return tokens.issue(user=user, project=_project(user, scope), methods=["password"])
    if identity.methods == ["application_credential"] and identity.application_credential:
        return _by_application_credential(identity.application_credential, scope, address)
    if identity.methods == ["token"] and identity.token:
        return _by_token(identity.token, scope)
    raise BadRequest(
        "auth.identity must name one method (password, token or application_credential) and hold its data."
    )


def _by_password(claimed: wire.PasswordUser, address: str) -> User:
    return login.check_user(
        user=_find_user(claimed),
        claimed=claimed.id or claimed.name or "",
        password=claimed.password,
        address=address,
    )


def _find_user(claimed: wire.NamedUser) -> User | None:
    if claimed.id:
        return User.objects.filter(id=claimed.id).first()
    if claimed.name and claimed.domain and claimed.domain.is_ours:
        return User.objects.filter(name=claimed.name).first()
    return None


def _by_application_credential(
    claimed: wire.ApplicationCredentialMethod, scope: wire.Scope | str | None, address: str
) -> tuple[Secret, tokens.ValidToken]:
    if scope is not None:
        raise Unauthorized("An application credential has its own scope; ask for none.")
    candidates = ApplicationCredential.objects.select_related("user", "project")
    row = None
    if claimed.id:
        row = candidates.filter(id=claimed.id).first()
    elif claimed.name and claimed.user and (owner := _find_user(claimed.user)):
        row = candidates.filter(user=owner, name=claimed.name).first()
    who = claimed.id or f"{claimed.name}\0{claimed.user and (claimed.user.id or claimed.user.name)}"
    row = login.check_application_credential(
        credential=row, claimed=who, secret=claimed.secret, address=address
    )
    return tokens.issue(
        user=row.user, project=row.project, methods=["application_credential"], application_credential=row
    )


def _by_token(claimed: wire.TokenMethod, scope: wire.Scope | str | None) -> tuple[Secret, tokens.ValidToken]:
    parent = tokens.validate(claimed.id.reveal()).row
    if parent.application_credential:
        project = _project(parent.user, scope) if scope is not None else parent.project
        if project != parent.project:
            raise Forbidden("A token of an application credential can't change its scope.")
    else:
        project = _project(parent.user, scope)
    return tokens.issue(
        user=parent.user,
        project=project,
        methods=["token"],
        application_credential=parent.application_credential,
        parent=parent,
    )


def _project(user: User, scope: wire.Scope | str | None) -> Project | None:
    """The project asked for; the user's default when nothing is said. Raises Unauthorized."""
    if scope is None:
        default = user.default_project
        return default if default and default.enabled and tokens.assigned_roles(user, default) else None
    if isinstance(scope, str):
        if scope != "unscoped":
            raise BadRequest("auth.scope must be an object, or the word unscoped.")
        return None
    if scope.unscoped is not None:
        return None
    if scope.domain is not None or scope.system is not None:
        raise Unauthorized("Tokens here are for a project; there is no role on a domain or the system.")
    if scope.project is None:
        raise BadRequest("auth.scope must hold a project.")
    project = _find_project(scope.project)
    if project is None:
        raise Unauthorized(tokens.INVALID)
    return project


def _find_project(claimed: wire.NamedProject) -> Project | None:
    if claimed.id:
        return Project.objects.filter(id=claimed.id).first()
    if claimed.name and claimed.domain and claimed.domain.is_ours:
        return Project.objects.filter(name=claimed.name).first()
    return None
