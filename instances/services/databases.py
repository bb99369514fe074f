"""Databases on an instance."""

from collections.abc import Sequence
from typing import Any

from django.conf import settings

from dbaas.accounts.caller import Caller
from dbaas.common.errors import BadRequest, NotFound
from dbaas.taskmanager.models import Operation
from guestagent.protocol.commands import ListDatabases
from guestagent.protocol.types import DatabaseSpec
from instances.guest import GuestClient
from instances.models import Instance
from instances.services import checks
from instances.services.change import start_change
from instances.services.payload import database_params


def database_list(
    *, instance: Instance, limit: int | None = None, marker: str | None = None
) -> tuple[list[dict[str, Any]], str | None]:
    """A page of databases as the guest has them now, and the marker of the next page."""
    checks.require_serving(instance)
    page = GuestClient(instance).ask(
        ListDatabases(limit=limit, marker=marker), timeout_seconds=settings.AGENT_CALL_LOW_TIMEOUT
    )
    return list(page["items"]), page["next_marker"]


def database_names(*, instance: Instance) -> set[str]:
    items, _ = database_list(instance=instance)
    return {item["name"] for item in items}


def databases_create(*, caller: Caller, instance: Instance, databases: Sequence[DatabaseSpec]) -> Operation:
    """Raises BadRequest for a bad name and for a database that exists already."""
    checks.require_serving(instance)
    checks.check_database_names(checks.spec_of(instance), databases)
    existing = database_names(instance=instance)
    for database in databases:
        if database.name in existing:
            raise BadRequest(f"Database {database.name!r} already exists.")
    return start_change(
        caller, instance, "create_databases", params={"databases": database_params(databases)}
    )


def database_delete(*, caller: Caller, instance: Instance, name: str) -> Operation:
    """Raises NotFound when there is none of this name, BadRequest when it is reserved."""
    checks.require_serving(instance)
    checks.check_database_name(checks.spec_of(instance), name)
    if name not in database_names(instance=instance):
        raise NotFound(f"Database {name!r} cannot be found on instance {instance.pk}.")
    return start_change(caller, instance, "delete_database", params={"name": name})
