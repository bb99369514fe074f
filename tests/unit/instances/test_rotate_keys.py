"""Keys are rotated without a gap: what an old key sealed opens until it is sealed again under the new one."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import call_command
from pytest_django import Settings

from dbaas.taskmanager import services
from dbaas.taskmanager.models import Operation
from guestagent.protocol.crypto import CryptoError, generate_key
from instances import keys
from instances.models import Guest, Instance

pytestmark = pytest.mark.django_db


def test_everything_opens_under_the_new_key_alone(
    make_instance: Callable[..., Instance], sent: list[Any], settings: Settings
) -> None:
    instance, gone = make_instance(), make_instance()
    Guest.objects.filter(pk=gone.pk).update(wrapped_key="")
    before = keys.unwrap(instance.pk, instance.guest.wrapped_key)
    operation = services.operation_start(
        kind="instances.create_users", project_id="p", lane=instance.lane, deadline_seconds=60,
        secrets={"password": "hunter2"},
    )  # fmt: skip

    for name in ("INST_RPC_KEY_ENCR_KEY", "TASKMANAGER_RPC_ENCR_KEY"):
        setattr(settings, name, [generate_key(), *getattr(settings, name)])
    assert keys.unwrap(instance.pk, instance.guest.wrapped_key) == before  # the old one still opens
    call_command("rotate_keys")
    call_command("rotate_keys")  # again changes nothing
    for name in ("INST_RPC_KEY_ENCR_KEY", "TASKMANAGER_RPC_ENCR_KEY"):
        setattr(settings, name, getattr(settings, name)[:1])

    assert keys.unwrap(instance.pk, Guest.objects.get(pk=instance.pk).wrapped_key) == before
    assert services.open_params(Operation.objects.get(pk=operation.pk)) == {"password": "hunter2"}
    assert Guest.objects.get(pk=gone.pk).wrapped_key == ""


def test_a_key_of_another_instance_does_not_open(make_instance: Callable[..., Instance]) -> None:
    one, other = make_instance(), make_instance()
    with pytest.raises(CryptoError):
        keys.unwrap(other.pk, one.guest.wrapped_key)
