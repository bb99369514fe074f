"""Keystone v3's addresses. Clients write the roots with and without a slash at the end."""

from django.urls import include, path

from dbaas.accounts.identity import views_auth as auth
from dbaas.accounts.identity import views_credentials as credentials
from dbaas.accounts.identity import views_directory as directory

_v3 = [
    path("auth/tokens", auth.TokensView.as_view()),
    path("auth/catalog", auth.CatalogView.as_view()),
    path("auth/projects", auth.AuthProjectsView.as_view()),
    path("auth/domains", auth.AuthDomainsView.as_view()),
    path("users", directory.UsersView.as_view()),
    path("users/<str:user_id>", directory.UserView.as_view()),
    path("users/<str:user_id>/projects", directory.UserProjectsView.as_view()),
    path("users/<str:user_id>/application_credentials", credentials.CredentialsView.as_view()),
    path(
        "users/<str:user_id>/application_credentials/<str:credential_id>",
        credentials.CredentialView.as_view(),
    ),
    path("projects", directory.ProjectsView.as_view()),
    path("projects/<str:key>", directory.ProjectDetailView.as_view()),
    path("domains", directory.DomainsView.as_view()),
    path("domains/<str:domain_id>", directory.DomainView.as_view()),
    path("roles", directory.RolesView.as_view()),
    path("roles/<str:role_id>", directory.RoleView.as_view()),
    path("role_assignments", directory.RoleAssignmentsView.as_view()),
]

urlpatterns = [
    path("identity", auth.VersionsView.as_view()),
    path("identity/", auth.VersionsView.as_view()),
    path("identity/v3", auth.VersionView.as_view()),
    path("identity/v3/", auth.VersionView.as_view()),
    path("identity/v3/", include(_v3)),
    path("identity/<path:rest>", auth.UnknownView.as_view()),
]
