"""Users on an instance, and the databases they may reach."""

from collections.abc import Sequence
from typing import Any

import msgspec
from django.conf import settings

from dbaas.accounts.caller import Caller
from dbaas.common.errors import BadRequest, NotFound
from dbaas.taskmanager.models import Operation
from guestagent.protocol.commands import GetUser, ListUsers, UserPassword
from guestagent.protocol.secret import Secret
from guestagent.protocol.types import UserRef, UserSpec
from instances.guest import GuestClient
from instances.models import Instance
from instances.services import checks
from instances.services.change import start_change
from instances.services.databases import database_names
from instances.services.payload import user_secrets


def user_list(
    *, instance: Instance, limit: int | None = None, marker: str | None = None
) -> tuple[list[dict[str, Any]], str | None]:
    """A page of users as the guest has them now, and the marker (name@host) of the next page."""
    checks.require_serving(instance)
    page = GuestClient(instance).ask(
        ListUsers(limit=limit, marker=marker), timeout_seconds=settings.AGENT_CALL_LOW_TIMEOUT
    )
    return list(page["items"]), page["next_marker"]


def user_get(*, instance: Instance, user: UserRef) -> dict[str, Any]:
    """``{"name", "host", "databases": [name, …]}``. Raises NotFound."""
    checks.require_serving(instance)
    checks.check_user(checks.spec_of(instance), user)
    found: dict[str, Any] = GuestClient(instance).ask(
        GetUser(user=user), timeout_seconds=settings.AGENT_CALL_LOW_TIMEOUT
    )
    return found


def users_create(*, caller: Caller, instance: Instance, users: Sequence[UserSpec]) -> Operation:
    """Raises BadRequest for a bad name, a user that exists, and a database that doesn't."""
    checks.require_serving(instance)
    checks.check_users(checks.spec_of(instance), users, None)
    _require_databases(instance, [name for user in users for name in user.databases])
    items, _ = user_list(instance=instance)
    existing = {(item["name"], item["host"]) for item in items}
    has_hosts = checks.spec_of(instance).users_have_hosts
    for user in users:
        if (user.name, user.host if has_hosts else "%") in existing:
            raise BadRequest(f"User {user.name!r} with host {user.host!r} already exists.")
    return start_change(
        caller,
        instance,
        "create_users",
        params={"users": [_without_password(user) for user in users]},
        secrets={"users": user_secrets(users)},
    )


def user_delete(*, caller: Caller, instance: Instance, user: UserRef) -> Operation:
    user_get(instance=instance, user=user)
    return start_change(caller, instance, "delete_user", params={"user": _ref(user)})


def user_update(
    *,
    caller: Caller,
    instance: Instance,
    user: UserRef,
    new_name: str | None = None,
    new_host: str | None = None,
    new_password: Secret | None = None,
) -> Operation:
    """Rename, move to another host, or give a new password; at least one of them."""
    if new_name is None and new_host is None and new_password is None:
        raise BadRequest("Nothing to change: give a name, a host or a password.")
    user_get(instance=instance, user=user)
    target = UserRef(name=new_name or user.name, host=new_host or user.host)
    checks.check_user(checks.spec_of(instance), target)
    if target != user:
        _require_free(instance, target)
    return start_change(
        caller,
        instance,
        "update_user",
        params={"user": _ref(user), "new_name": new_name, "new_host": new_host},
        secrets={"new_password": new_password} if new_password is not None else None,
    )


def users_change_passwords(
    *, caller: Caller, instance: Instance, changes: Sequence[UserPassword]
) -> Operation:
    """All of the users must exist; the changes are one operation."""
    for change in changes:
        user_get(instance=instance, user=change.user)
    secrets = [{"user": _ref(change.user), "password": change.password} for change in changes]
    return start_change(
        caller,
        instance,
        "change_passwords",
        params={"users": [_ref(change.user) for change in changes]},
        secrets={"changes": secrets},
    )


def access_grant(*, caller: Caller, instance: Instance, user: UserRef, databases: Sequence[str]) -> Operation:
    user_get(instance=instance, user=user)
    _require_databases(instance, databases)
    return start_change(
        caller, instance, "grant_access", params={"user": _ref(user), "databases": list(databases)}
    )


def access_revoke(*, caller: Caller, instance: Instance, user: UserRef, database: str) -> Operation:
    """Raises NotFound when the user has no access to it."""
    if database not in user_get(instance=instance, user=user)["databases"]:
        raise NotFound(f"User {user.name!r} has no access to database {database!r}.")
    return start_change(caller, instance, "revoke_access", params={"user": _ref(user), "database": database})


def _require_databases(instance: Instance, names: Sequence[str]) -> None:
    for name in names:
        checks.check_database_name(checks.spec_of(instance), name)
    if names and (missing := set(names) - database_names(instance=instance)):
        raise BadRequest(f"Database {sorted(missing)[0]!r} does not exist.")


def _require_free(instance: Instance, user: UserRef) -> None:
    try:
        user_get(instance=instance, user=user)
    except NotFound:
        return
    raise BadRequest(f"User {user.name!r} with host {user.host!r} already exists.")


def _without_password(user: UserSpec) -> dict[str, Any]:
    return {"name": user.name, "host": user.host, "databases": list(user.databases)}


def _ref(user: UserRef) -> dict[str, str]:
    plain: dict[str, str] = msgspec.to_builtins(user)
    return plain
