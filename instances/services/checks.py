"""What must hold before something is done to an instance."""

from collections.abc import Collection, Iterable

from dbaas.common.errors import BadRequest, Unprocessable
from guestagent.engines.base import EngineSpec
from guestagent.engines.registry import load_spec
from guestagent.errors import InvalidName
from guestagent.protocol.types import DatabaseSpec, UserRef, UserSpec
from instances import state
from instances.models import Instance, InstanceState


def spec_of(instance: Instance) -> EngineSpec:
    return load_spec(instance.datastore_version.engine)


def require_actionable(instance: Instance) -> None:
    """For restart, resize and the like (contract, 2.3). Raises Unprocessable."""
    _require(instance, state.ACTIONABLE)


def require_serving(instance: Instance) -> None:
    """For databases, users, access and root (contract, 1.4). Raises Unprocessable."""
    _require(instance, state.SERVING)


def require_state(instance: Instance, wanted: InstanceState) -> None:
    """For what needs no database that answers. Raises Unprocessable."""
    if instance.state != wanted:
        raise _not_ready(instance)


def _require(instance: Instance, allowed: Collection[str]) -> None:
    if instance.state != InstanceState.ACTIVE or state.datastore_status(instance) not in allowed:
        raise _not_ready(instance)


def _not_ready(instance: Instance) -> Unprocessable:
    shown = " ".join(state.visible_status(instance)).strip()
    return Unprocessable(f"Instance {instance.pk} is not ready for this (status: {shown}).")


def check_database_names(spec: EngineSpec, databases: Iterable[DatabaseSpec]) -> None:
    """Raises BadRequest for a name that is reserved, malformed or given twice."""
    seen = set()
    for database in databases:
        check_database_name(spec, database.name)
        if database.name in seen:
            raise BadRequest(f"Database {database.name!r} is given twice.")
        seen.add(database.name)


def check_users(spec: EngineSpec, users: Iterable[UserSpec], known_databases: Collection[str] | None) -> None:
    """As above for users; with `known_databases`, what they are granted must be among them."""
    seen = set()
    for user in users:
        check_user(spec, UserRef(name=user.name, host=user.host))
        if (user.name, user.host) in seen:
            raise BadRequest(f"User {user.name!r}@{user.host!r} is given twice.")
        seen.add((user.name, user.host))
        for name in user.databases:
            check_database_name(spec, name)
            if known_databases is not None and name not in known_databases:
                raise BadRequest(
                    f"User {user.name!r} is given access to {name!r}, which is not being created."
                )


def check_database_name(spec: EngineSpec, name: str) -> None:
    """Raises BadRequest."""
    try:
        spec.check_database_name(name)
    except InvalidName as error:
        raise BadRequest(str(error)) from error


def check_user(spec: EngineSpec, user: UserRef) -> None:
    """Raises BadRequest."""
    try:
        spec.check_user(user)
    except InvalidName as error:
        raise BadRequest(str(error)) from error
