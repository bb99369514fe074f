"""Keystone v3's addresses, below /identity. Clients write them with and without a slash at the end."""

from django.urls import re_path
from django.urls.resolvers import URLPattern
from rest_framework.views import APIView

from dbaas.accounts.identity import views_auth as auth
from dbaas.accounts.identity import views_credentials as credentials
from dbaas.accounts.identity import views_directory as directory


def _route(address: str, view: type[APIView]) -> URLPattern:
    return re_path(rf"^{address}/?$", view.as_view())


_USER = r"v3/users/(?P<user_id>[^/]+)"

urlpatterns = [
    re_path(r"^$", auth.VersionsView.as_view()),
    _route("v3", auth.VersionView),
    _route("v3/auth/tokens", auth.TokensView),
    _route("v3/auth/catalog", auth.CatalogView),
    _route("v3/auth/projects", auth.AuthProjectsView),
    _route("v3/auth/domains", auth.AuthDomainsView),
    _route("v3/users", directory.UsersView),
    _route(_USER, directory.UserView),
    _route(f"{_USER}/projects", directory.UserProjectsView),
    _route(f"{_USER}/application_credentials", credentials.CredentialsView),
    _route(f"{_USER}/application_credentials/(?P<credential_id>[^/]+)", credentials.CredentialView),
    _route("v3/projects", directory.ProjectsView),
    _route("v3/projects/(?P<key>[^/]+)", directory.ProjectDetailView),
    _route("v3/domains", directory.DomainsView),
    _route("v3/domains/(?P<domain_id>[^/]+)", directory.DomainView),
    _route("v3/roles", directory.RolesView),
    _route("v3/roles/(?P<role_id>[^/]+)", directory.RoleView),
    _route("v3/role_assignments", directory.RoleAssignmentsView),
    re_path(r"^(?P<rest>.*)$", auth.UnknownView.as_view()),
]
