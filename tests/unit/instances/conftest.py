"""An owner, what she may ask for, and an instance of hers."""

from collections.abc import Callable
from typing import Any

import pytest

from datastores.models import Datastore, DatastoreVersion, Flavor
from dbaas.accounts.caller import Caller
from dbaas.taskmanager import outbox
from guestagent.protocol.types import DatastoreStatus
from instances import keys
from instances.models import Guest, Instance, InstanceState


@pytest.fixture
def alice() -> Caller:
    return Caller(user_id="a" * 32, user_name="alice", project_id="1" * 32, roles=frozenset({"member"}))


@pytest.fixture
def version(db: None) -> DatastoreVersion:
    datastore = Datastore.objects.create(name="MariaDB")
    version = DatastoreVersion.objects.create(
        datastore=datastore, name="10.11", version="10.11", engine="mariadb"
    )
    Datastore.objects.filter(pk=datastore.pk).update(default_version=version)
    return version


@pytest.fixture
def flavor(db: None) -> Flavor:
    return Flavor.objects.create(id="1", name="db.tiny", ram_mb=512, vcpus=1, disk_gb=5)


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, list[Any], str]]:
    """What was handed to the broker, instead of handing it over."""
    messages: list[tuple[str, list[Any], str]] = []

    def publish(task: str, args: list[Any], queue: str) -> bool:
        messages.append((task, args, queue))
        return True

    monkeypatch.setattr(outbox, "publish", publish)
    return messages


@pytest.fixture
def make_instance(alice: Caller, version: DatastoreVersion, flavor: Flavor) -> Callable[..., Instance]:
    def make(
        state: InstanceState = InstanceState.ACTIVE,
        datastore_status: DatastoreStatus = DatastoreStatus.HEALTHY,
        **changes: Any,
    ) -> Instance:
        from django.utils import timezone

        values: dict[str, Any] = {"project_id": alice.project_id, "name": "db1", **changes}
        instance = Instance.objects.create(
            state=state, datastore_version=version, flavor=flavor, volume_size_gb=1, **values
        )
        new = keys.generate()
        instance.guest = Guest.objects.create(
            instance=instance,
            wrapped_key=keys.wrap(instance.pk, new.instance_key),
            public_key=new.public_key,
            datastore_status=datastore_status.value,
            last_seen_at=timezone.now(),
        )
        return instance

    return make
