"""Look-ups of users, projects, roles and the domain. A caller who is no operator sees only what is theirs."""

from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from dbaas.accounts.identity import documents
from dbaas.accounts.identity.base_view import IdentityView
from dbaas.accounts.identity.wire import DOMAIN
from dbaas.accounts.models import Project, RoleAssignment, User
from dbaas.common.errors import NotFound


class DirectoryView(IdentityView):
    def visible_users(self) -> QuerySet[User]:
        rows = User.objects.order_by("name")
        return rows if self.caller.is_admin else rows.filter(id=self.caller.user_id)

    def visible_projects(self) -> QuerySet[Project]:
        rows = Project.objects.order_by("name")
        mine = {"role_assignments__user_id": self.caller.user_id}
        return rows if self.caller.is_admin else rows.filter(**mine).distinct()

    def filters(self, **columns: str) -> dict[str, str]:
        """Query parameters that are there, as filters: filters(name="name")."""
        given = self.request.query_params
        return {column: given[name] for name, column in columns.items() if name in given}

    def is_other_domain(self) -> bool:
        return self.request.query_params.get("domain_id", DOMAIN["id"]) != DOMAIN["id"]


class UsersView(DirectoryView):
    def get(self, request: Request) -> Response:
        rows = self.visible_users().filter(**self.filters(name="name"))
        items = [] if self.is_other_domain() else [documents.user(row, self.base) for row in rows]
        return Response(documents.page("users", items, self.href))


class UserView(DirectoryView):
    def get(self, request: Request, user_id: str) -> Response:
        row = self.visible_users().filter(id=user_id).first()
        if row is None:
            raise NotFound("There is no such user.")
        return Response({"user": documents.user(row, self.base)})


class UserProjectsView(DirectoryView):
    def get(self, request: Request, user_id: str) -> Response:
        if not self.visible_users().filter(id=user_id).exists():
            raise NotFound("There is no such user.")
        rows = Project.objects.filter(role_assignments__user_id=user_id).distinct()
        items = [documents.project(row, self.base) for row in rows]
        return Response(documents.page("projects", items, self.href))


class ProjectsView(DirectoryView):
    def get(self, request: Request) -> Response:
        rows = self.visible_projects().filter(**self.filters(name="name"))
        items = [] if self.is_other_domain() else [documents.project(row, self.base) for row in rows]
        return Response(documents.page("projects", items, self.href))


class ProjectDetailView(DirectoryView):
    def get(self, request: Request, key: str) -> Response:
        row = self.visible_projects().filter(id=key).first()
        if row is None:
            raise NotFound("There is no such project.")
        return Response({"project": documents.project(row, self.base)})


class DomainsView(DirectoryView):
    def get(self, request: Request) -> Response:
        wanted = request.query_params.get("name", DOMAIN["name"]).casefold() == "default"
        items = [documents.domain(self.base)] if wanted else []
        return Response(documents.page("domains", items, self.href))


class DomainView(DirectoryView):
    def get(self, request: Request, domain_id: str) -> Response:
        if domain_id != DOMAIN["id"]:
            raise NotFound("There is one domain, default.")
        return Response({"domain": documents.domain(self.base)})


class RolesView(DirectoryView):
    def get(self, request: Request) -> Response:
        name = request.query_params.get("name")
        items = [role for role in documents.roles(self.base) if name in {None, role["name"]}]
        return Response(documents.page("roles", items, self.href))


class RoleView(DirectoryView):
    def get(self, request: Request, role_id: str) -> Response:
        for role in documents.roles(self.base):
            if role["id"] == role_id:
                return Response({"role": role})
        raise NotFound("There is no such role.")


class RoleAssignmentsView(DirectoryView):
    def get(self, request: Request) -> Response:
        rows = RoleAssignment.objects.select_related("user", "project").filter(
            **self.filters(**{"user.id": "user_id", "scope.project.id": "project_id"})
        )
        if not self.caller.is_admin:
            rows = rows.filter(user_id=self.caller.user_id)
        if "role.id" in request.query_params:
            rows = rows.filter(role=documents.role_name(request.query_params["role.id"], None) or "")
        given = request.query_params
        with_names = "include_names" in given and given["include_names"].lower() not in {"0", "false"}
        items = [documents.role_assignment(row, self.base, with_names=with_names) for row in rows]
        return Response(documents.page("role_assignments", items, self.href))
