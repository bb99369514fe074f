"""The taskmanager, probed at every step boundary and around every effect outside of the control database."""

import sys
import threading
from typing import Any, Final

import django
from celery.__main__ import main as celery

from tests.chaos.probes.gate import Gate

#: Verbs of the provider that change something.
_VERBS: Final = ("ensure_", "delete_", "reboot_", "start_", "stop_", "resize_")
_at = threading.local()  # each operation has a thread: the step that it is at


def install(gate: Gate) -> None:
    """Call it once, before the worker starts."""
    django.setup()
    _probe_steps(gate)
    _probe_endings(gate)
    _probe_provider(gate)
    _probe_messages(gate)


def _probe_steps(gate: Gate) -> None:
    from dbaas.taskmanager import engine
    from dbaas.taskmanager.models import Operation

    def observe(operation: Operation, step: str, moment: str) -> None:
        place = f"taskmanager/{operation.kind.partition('.')[2]}.{operation.direction}.{step}"
        _at.step = place if moment == "before" else None
        gate.pass_through(f"{place}/step/{moment}")

    engine.observers.append(observe)


def _probe_endings(gate: Gate) -> None:
    """Around the last word of each workflow, inside the transaction that ends the operation."""
    from dbaas.taskmanager import workflow
    from dbaas.taskmanager.models import Operation

    load = workflow.load

    def load_probed(kind: str) -> workflow.Workflow[Any]:
        recipe = load(kind)
        if "succeeded" not in vars(recipe):
            for name in ("succeeded", "failed"):
                setattr(recipe, name, gate.around(getattr(recipe, name), _ending, RuntimeError))
        return recipe

    def _ending(operation: Operation, *_: object) -> str:
        return f"taskmanager/{operation.kind.partition('.')[2]}.{operation.direction}.(end)/transaction"

    workflow.load = load_probed


def _probe_provider(gate: Gate) -> None:
    from instances.providers.base import Provider, Refused
    from instances.workflows import base

    load = base.provider

    class Probed:
        def __init__(self, provider: Provider) -> None:
            self._provider = provider

        def __getattr__(self, verb: str) -> Any:
            attribute = getattr(self._provider, verb)
            return gate.around(attribute, _effect(verb), Refused) if verb.startswith(_VERBS) else attribute

    def probed_provider() -> Any:
        return Probed(load())

    base.provider = probed_provider  # type: ignore[assignment]


def _probe_messages(gate: Gate) -> None:
    from dbaas.common.errors import Unprocessable
    from dbaas.conductor import broker, publish
    from dbaas.taskmanager import engine
    from instances import guest

    for verb in ("ensure_guest", "delete_guest"):
        setattr(broker, verb, gate.around(getattr(broker, verb), _effect(verb), Unprocessable))
    send = gate.around(publish.send_to_guest, _effect("send_to_guest"), Unprocessable)
    setattr(guest, "send_to_guest", send)  # noqa: B010 - it is imported there, not exported
    engine.run = gate.around(engine.run, lambda _: "taskmanager/message/run_operation", RuntimeError)


def _effect(verb: str) -> Any:
    """The point of an effect; none outside of a step (the reaper has such)."""

    def name(*_: object, **__: object) -> str | None:
        step = getattr(_at, "step", None)
        return f"{step}/{verb}" if step else None

    return name


if __name__ == "__main__":
    path, *arguments = sys.argv[1:]
    sys.argv = ["celery", *arguments]
    install(Gate(path))
    celery()
