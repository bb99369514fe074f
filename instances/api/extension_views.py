"""Databases, users, access and root of an instance (contract 1.4)."""

from typing import Any, ClassVar

from django.conf import settings
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from dbaas.common.errors import NotImplementedHere
from dbaas.common.pagination import page_body, page_request
from dbaas.common.schema import PAGING
from guestagent.protocol.commands import UserPassword
from guestagent.protocol.types import UserRef
from instances.api import rendering
from instances.api import serializers as bodies
from instances.api.base import ACCEPTED, OPERATION_HEADER, InstanceBaseView, accepted, validated
from instances.services import databases, root, users


class DatabaseListView(InstanceBaseView):
    policies: ClassVar = {
        "GET": "instance:extension:database:index",
        "POST": "instance:extension:database:create",
    }
    waits_for_guest = True

    @extend_schema(
        operation_id="database_list",
        summary="List databases",
        tags=["Databases and users"],
        parameters=PAGING,
        responses=rendering.DatabaseListSchema,
    )
    def get(self, request: Request, **kwargs: str) -> Response:
        page = page_request(request, page_size=settings.DATABASES_PAGE_SIZE)
        items, next_marker = databases.database_list(
            instance=self.instance(), limit=page.limit, marker=page.marker
        )
        shown = [{"name": item["name"]} for item in items]
        return Response(page_body(request, "databases", shown, next_marker))

    @extend_schema(
        operation_id="database_create",
        summary="Create databases",
        tags=["Databases and users"],
        parameters=[OPERATION_HEADER],
        request=bodies.DatabasesBody,
        responses={202: ACCEPTED},
    )
    def post(self, request: Request, **kwargs: str) -> Response:
        instance = self.instance()
        given = validated(bodies.DatabasesBody, request).validated_data["databases"]
        operation = databases.databases_create(
            caller=self.caller, instance=instance, databases=bodies.database_specs(given)
        )
        return accepted(operation)


class DatabaseView(InstanceBaseView):
    policies: ClassVar = {
        "GET": "instance:extension:database:show",
        "DELETE": "instance:extension:database:delete",
    }

    @extend_schema(exclude=True)
    def get(self, request: Request, **kwargs: str) -> Response:
        self.instance()
        raise NotImplementedHere("Showing one database is not served; list them instead.")

    @extend_schema(
        operation_id="database_delete",
        summary="Delete a database",
        tags=["Databases and users"],
        parameters=[OPERATION_HEADER],
        responses={202: ACCEPTED},
    )
    def delete(self, request: Request, **kwargs: str) -> Response:
        name = self.kwargs["database"]
        return accepted(databases.database_delete(caller=self.caller, instance=self.instance(), name=name))


class UserListView(InstanceBaseView):
    policies: ClassVar = {
        "GET": "instance:extension:user:index",
        "POST": "instance:extension:user:create",
        "PUT": "instance:extension:user:update_all",
    }
    waits_for_guest = True

    @extend_schema(
        operation_id="user_list",
        summary="List users",
        tags=["Databases and users"],
        parameters=PAGING,
        responses=rendering.UserListSchema,
    )
    def get(self, request: Request, **kwargs: str) -> Response:
        page = page_request(request, page_size=settings.USERS_PAGE_SIZE)
        items, next_marker = users.user_list(instance=self.instance(), limit=page.limit, marker=page.marker)
        return Response(page_body(request, "users", [_shown(item) for item in items], next_marker))

    @extend_schema(
        operation_id="user_create",
        summary="Create users",
        tags=["Databases and users"],
        parameters=[OPERATION_HEADER],
        request=bodies.UsersBody,
        responses={202: ACCEPTED},
    )
    def post(self, request: Request, **kwargs: str) -> Response:
        instance = self.instance()
        given = validated(bodies.UsersBody, request).validated_data["users"]
        return accepted(
            users.users_create(caller=self.caller, instance=instance, users=bodies.user_specs(given))
        )

    @extend_schema(
        operation_id="user_change_passwords",
        summary="Change the passwords of users",
        tags=["Databases and users"],
        parameters=[OPERATION_HEADER],
        request=bodies.PasswordsBody,
        responses={202: ACCEPTED},
    )
    def put(self, request: Request, **kwargs: str) -> Response:
        instance = self.instance()
        given = validated(bodies.PasswordsBody, request).validated_data["users"]
        changes = [
            UserPassword(
                user=UserRef(name=item["name"], host=item.get("host") or "%"), password=item["password"]
            )
            for item in given
        ]
        return accepted(users.users_change_passwords(caller=self.caller, instance=instance, changes=changes))


class UserBaseView(InstanceBaseView):
    def user(self) -> UserRef:
        return bodies.user_ref(self.kwargs["user"])


class UserView(UserBaseView):
    policies: ClassVar = {
        "GET": "instance:extension:user:show",
        "PUT": "instance:extension:user:update",
        "DELETE": "instance:extension:user:delete",
    }

    @extend_schema(
        operation_id="user_show",
        summary="Show a user",
        tags=["Databases and users"],
        responses=rendering.UserEnvelopeSchema,
    )
    def get(self, request: Request, **kwargs: str) -> Response:
        return Response({"user": _shown(users.user_get(instance=self.instance(), user=self.user()))})

    @extend_schema(
        operation_id="user_update",
        summary="Change a user's name, password or host",
        tags=["Databases and users"],
        parameters=[OPERATION_HEADER],
        request=bodies.UserChangeBody,
        responses={202: ACCEPTED},
    )
    def put(self, request: Request, **kwargs: str) -> Response:
        instance = self.instance()
        given = validated(bodies.UserChangeBody, request).validated_data["user"]
        operation = users.user_update(
            caller=self.caller,
            instance=instance,
            user=self.user(),
            new_name=given.get("name"),
            new_host=given.get("host"),
            new_password=given.get("password"),
        )
        return accepted(operation)

    @extend_schema(
        operation_id="user_delete",
        summary="Delete a user",
        tags=["Databases and users"],
        parameters=[OPERATION_HEADER],
        responses={202: ACCEPTED},
    )
    def delete(self, request: Request, **kwargs: str) -> Response:
        return accepted(users.user_delete(caller=self.caller, instance=self.instance(), user=self.user()))


class UserAccessView(UserBaseView):
    policies: ClassVar = {
        "GET": "instance:extension:user_access:index",
        "PUT": "instance:extension:user_access:update",
    }

    @extend_schema(
        operation_id="user_access_list",
        summary="List the databases that a user may reach",
        tags=["Databases and users"],
        responses=rendering.DatabaseListSchema,
    )
    def get(self, request: Request, **kwargs: str) -> Response:
        found = users.user_get(instance=self.instance(), user=self.user())
        return Response({"databases": [{"name": name} for name in found["databases"]]})

    @extend_schema(
        operation_id="user_access_grant",
        summary="Give a user access to databases",
        tags=["Databases and users"],
        parameters=[OPERATION_HEADER],
        request=bodies.AccessBody,
        responses={202: ACCEPTED},
    )
    def put(self, request: Request, **kwargs: str) -> Response:
        instance = self.instance()
        given = validated(bodies.AccessBody, request).validated_data["databases"]
        operation = users.access_grant(
            caller=self.caller,
            instance=instance,
            user=self.user(),
            databases=[item["name"] for item in given],
        )
        return accepted(operation)


class UserAccessItemView(UserBaseView):
    policies: ClassVar = {"DELETE": "instance:extension:user_access:delete"}

    @extend_schema(
        operation_id="user_access_revoke",
        summary="Take a user's access to a database",
        tags=["Databases and users"],
        parameters=[OPERATION_HEADER],
        responses={202: ACCEPTED},
    )
    def delete(self, request: Request, **kwargs: str) -> Response:
        operation = users.access_revoke(
            caller=self.caller,
            instance=self.instance(),
            user=self.user(),
            database=self.kwargs["database"],
        )
        return accepted(operation)


class RootView(InstanceBaseView):
    policies: ClassVar = {
        "GET": "instance:extension:root:index",
        "POST": "instance:extension:root:create",
        "DELETE": "instance:extension:root:delete",
    }
    waits_for_guest = True

    @extend_schema(
        operation_id="root_show",
        summary="Is the superuser enabled?",
        tags=["Databases and users"],
        responses=rendering.RootStateSchema,
    )
    def get(self, request: Request, **kwargs: str) -> Response:
        return Response({"rootEnabled": root.root_is_enabled(instance=self.instance())})

    @extend_schema(
        operation_id="root_enable",
        summary="Enable the superuser, or give it a new password",
        tags=["Databases and users"],
        request=bodies.RootBody,
        responses=rendering.RootUserSchema,
    )
    def post(self, request: Request, **kwargs: str) -> Response:
        instance = self.instance()
        given = validated(bodies.RootBody, request).validated_data
        name, password = root.root_enable(
            caller=self.caller, instance=instance, password=given.get("password")
        )
        return Response({"user": {"name": name, "password": password.reveal()}})

    @extend_schema(
        operation_id="root_disable",
        summary="Disable the superuser",
        tags=["Databases and users"],
        responses={204: OpenApiResponse(description="Done.")},
    )
    def delete(self, request: Request, **kwargs: str) -> Response:
        root.root_disable(caller=self.caller, instance=self.instance())
        return Response(status=204)


def _shown(user: dict[str, Any]) -> dict[str, Any]:
    names = [{"name": name} for name in user["databases"]]
    return {"name": user["name"], "host": user["host"], "databases": names}
