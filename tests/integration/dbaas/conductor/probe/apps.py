import os
import signal
from collections.abc import Sequence
from pathlib import Path

from django.apps import AppConfig
from django.db import transaction

from dbaas.conductor import handlers, keys
from dbaas.conductor.handlers import Sender
from dbaas.conductor.keys import GuestKeys
from guestagent.protocol.reports import CommandFinished, Heartbeat


class ProbeConfig(AppConfig):
    name = "tests.integration.dbaas.conductor.probe"
    label = "probe"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        keys.register_source(keys_of)
        handlers.register(CommandFinished, take_command_finished)
        handlers.register_heartbeats(take_heartbeats)


def folder() -> Path:
    return Path(os.environ["PROBE_FOLDER"])


def keys_of(instance_id: str) -> GuestKeys | None:
    path = folder() / f"{instance_id}.keys"
    return GuestKeys(*path.read_text().split()) if path.exists() else None


def take_command_finished(sender: Sender, report: CommandFinished) -> None:
    from tests.integration.dbaas.conductor.probe.models import Handled

    Handled.objects.create(
        instance_id=sender.instance_id, command_id=report.command_id, kind="command_finished"
    )
    what = report.command_id.partition("-")[0]
    if what == "poison":
        raise ValueError("a bug")
    if what == "diebefore" and is_first_time(report.command_id):
        die()
    if what == "dieafter" and is_first_time(report.command_id):
        transaction.on_commit(die)


def take_heartbeats(beats: Sequence[tuple[Sender, Heartbeat]]) -> None:
    from tests.integration.dbaas.conductor.probe.models import Handled

    Handled.objects.bulk_create(
        Handled(instance_id=sender.instance_id, command_id=beat.agent_version, kind="heartbeat")
        for sender, beat in beats
    )


def is_first_time(command_id: str) -> bool:
    try:
        (folder() / f"{command_id}.died").touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
