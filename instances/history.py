"""What becomes of an instance, noted: an event of each change, and the interval that is billed."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from django.db import connection, transaction

from datastores.models import Flavor
from dbaas.events.services import event_record
from dbaas.events.usage import Size, usage_follow
from instances.models import Instance, InstanceState

#: What an event shows of an instance.
_SHOWN: Final = (
    "name", "state", "flavor_id", "volume_size_gb", "volume_type", "datastore_version_id", "replica_of_id",
    "access", "addresses", "tags", "is_deletion_protected", "fault_code", "fault_message",
)  # fmt: skip
_SIZE: Final = frozenset({"state", "flavor_id", "volume_size_gb"})
#: Not there yet, or no more: not billed. That starts when it can be used, and ends when its end is asked for.
_FREE: Final = frozenset(
    {InstanceState.BUILDING, InstanceState.ERROR, InstanceState.DELETING, InstanceState.DELETED}
)
#: Without compute: its volume alone is billed.
_AT_REST: Final = frozenset({InstanceState.STOPPED, InstanceState.STARTING})


@contextmanager
def noted(instance: Instance) -> Iterator[None]:
    """Whatever the block changes in the instance's row becomes an event, in one transaction with it.

    The row is locked meanwhile, so that events of one instance have the order of its changes.
    """
    with transaction.atomic():
        before = _row(instance, is_locked=True)
        yield
        after = _row(instance)
        if before is None or after is None:
            return
        changed = [name for name in _SHOWN if before[name] != after[name]]
        if changed:
            _record(
                instance,
                "state_changed" if "state" in changed else "updated",
                project_id=after["project_id"],
                before={name: _plain(before[name]) for name in changed},
                after={name: _plain(after[name]) for name in changed},
            )
        if _SIZE.intersection(changed):
            usage_follow(project_id=after["project_id"], resource_id=instance.pk, size=_size(instance, after))


def note_created(instance: Instance) -> None:
    _record(
        instance,
        "created",
        project_id=instance.project_id,
        after={name: _plain(getattr(instance, name)) for name in _SHOWN},
    )


def note(instance: Instance, what: str, **values: Any) -> None:
    """An event of something that is not in the instance's row: ``note(instance, "root_enabled")``."""
    _record(instance, what, project_id=instance.project_id, **values)


def _record(instance: Instance, what: str, **values: Any) -> None:
    event_record(type=f"instances.{what}", resource_type="instance", resource_id=instance.pk, **values)


def _row(instance: Instance, *, is_locked: bool = False) -> dict[str, Any] | None:
    rows = Instance.objects.filter(pk=instance.pk)
    if is_locked and connection.features.has_select_for_update:
        # Not against those that only point at the row, where the server tells them apart.
        rows = rows.select_for_update(no_key=connection.features.has_select_for_no_key_update)
    row: dict[str, Any] | None = rows.values("project_id", *_SHOWN).first()
    return row


def _size(instance: Instance, row: Mapping[str, Any]) -> Size | None:
    if row["state"] in _FREE:
        return None
    volume_gb = row["volume_size_gb"]
    if row["state"] in _AT_REST:
        return Size(row["flavor_id"], 0, 0, volume_gb)
    flavor = Flavor.objects.get(pk=row["flavor_id"])
    return Size(flavor.pk, flavor.ram_mb, flavor.vcpus, volume_gb)


def _plain(value: Any) -> Any:
    """As JSON has it: ids are text."""
    return value if value is None or isinstance(value, bool | int | list | dict) else str(value)
