"""Configuration groups: values for parameters of a version. Which instances use them, `instances` knows."""

import json
import re
from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from datastores import parameters
from datastores.models import ConfigurationGroup, DatastoreVersion
from dbaas.common.errors import NotFound
from dbaas.events.services import event_record
from guestagent.protocol.crypto import KeyRing
from guestagent.protocol.secret import Secret

#: Shown instead of a password; given back, it stands for the password that is stored.
MASK: Final = "******"
_SECRET: Final = re.compile(r"(password|passphrase|secret|_auth|conninfo)$", re.IGNORECASE)


def is_secret(name: str) -> bool:
    """Whether the parameter's values are passwords: sealed when stored, masked when shown."""
    return bool(_SECRET.search(name))


def plain_values(group: ConfigurationGroup) -> dict[str, Any]:
    """The values that are no passwords."""
    return dict(group.values)


def secret_values(group: ConfigurationGroup) -> dict[str, Secret]:
    """The passwords, for the memory of who sends them to a guest."""
    if not group.sealed_values:
        return {}
    opened = json.loads(_keyring().open(group.sealed_values, context=_context(group.pk)))
    return {name: Secret(value) for name, value in opened.items()}


def shown_values(group: ConfigurationGroup) -> dict[str, Any]:
    masked = dict.fromkeys(group.secret_names, MASK)
    return dict(sorted({**group.values, **masked}.items()))


@transaction.atomic
def group_create(
    *,
    project_id: str,
    actor: str,
    name: str,
    description: str,
    version: DatastoreVersion,
    values: Mapping[str, Any],
) -> ConfigurationGroup:
    """Raises Unprocessable for values that don't fit the version's parameters."""
    group = ConfigurationGroup(
        project_id=project_id,
        created_by=actor,
        name=name,
        description=description,
        datastore_version=version,
    )
    _put_values(group, parameters.validate(version, values))
    group.save(force_insert=True)
    group_note(group, "created", after=group_facts(group))
    return group


def group_lock(*, project_id: str, group_id: UUID) -> ConfigurationGroup:
    """The group, held until the caller's transaction ends: nobody attaches, changes or deletes it meanwhile.

    Raises NotFound.
    """
    held = ConfigurationGroup.objects.filter(pk=group_id, project_id=project_id)
    # The UPDATE is what makes others wait on every kind of database.
    if not held.update(lock_count=F("lock_count") + 1):
        raise NotFound(f"Configuration group {group_id} cannot be found.")
    return held.select_related("datastore_version__datastore").get()


def group_write(
    group: ConfigurationGroup,
    *,
    name: str | None,
    description: str | None,
    values: Mapping[str, Any] | None,
    is_merge: bool,
) -> None:
    """Change a group that the caller holds. None leaves things as they are. Raises Unprocessable."""
    before = group_facts(group)
    if name is not None:
        group.name = name
    if description is not None:
        group.description = description
    if values is not None:
        known = secret_values(group)
        kept = {**group.values, **dict.fromkeys(known, MASK)} if is_merge else {}
        checked = parameters.validate(group.datastore_version, _merged(kept, values))
        stored = {name: secret.reveal() for name, secret in known.items()}
        _put_values(
            group,
            {name: stored.get(name, MASK) if value == MASK else value for name, value in checked.items()},
        )
    group.updated_at = timezone.now()
    group.save(update_fields=["name", "description", "values", "secret_names", "sealed_values", "updated_at"])
    group_note(group, "updated", before=before, after=group_facts(group))


def group_note(group: ConfigurationGroup, what: str, **values: Any) -> None:
    """An event of a change of the group itself; what instances make of it are operations of theirs."""
    event_record(
        project_id=group.project_id,
        type=f"configurations.{what}",
        resource_type="configuration",
        resource_id=group.pk,
        **values,
    )


def group_facts(group: ConfigurationGroup) -> dict[str, Any]:
    """What events show of it: no password."""
    return {"name": group.name, "description": group.description, "values": shown_values(group)}


def group_reseal() -> int:
    """Seal passwords again under the first key; returns how many groups were under an older one."""
    ring = _keyring()
    resealed = 0
    for group in ConfigurationGroup.objects.exclude(sealed_values="").iterator():
        if not ring.is_current(group.sealed_values):
            context = _context(group.pk)
            fresh = ring.seal(ring.open(group.sealed_values, context=context), context=context)
            unchanged = ConfigurationGroup.objects.filter(pk=group.pk, sealed_values=group.sealed_values)
            resealed += unchanged.update(sealed_values=fresh)
    return resealed


def _merged(kept: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """`given` over `kept`, whatever the case of the names."""
    names = {name.lower() for name in given}
    return {**{name: value for name, value in kept.items() if name.lower() not in names}, **given}


def _put_values(group: ConfigurationGroup, values: Mapping[str, Any]) -> None:
    secrets = {name: value for name, value in values.items() if is_secret(name) and isinstance(value, str)}
    group.values = {name: value for name, value in values.items() if name not in secrets}
    group.secret_names = sorted(secrets)
    sealed = _keyring().seal(json.dumps(secrets).encode(), context=_context(group.pk)) if secrets else ""
    group.sealed_values = sealed


def _keyring() -> KeyRing:
    return KeyRing(settings.TASKMANAGER_RPC_ENCR_KEY)


def _context(group_id: UUID) -> str:
    return f"configuration-group:{group_id}"
