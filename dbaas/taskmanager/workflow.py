"""What a workflow is: the recipe of one kind of operation, readable from top to bottom.

A step is a function of the context that does seconds of work and returns an outcome; it never sleeps. It
may be run again from its start at any time (a worker died, a message came twice), so whatever it does
outside must be an `ensure_*`, a `delete_*`, or carry an id that its receiver recognises.
"""

import importlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, TypeVar

from dbaas.taskmanager.models import Operation


@dataclass(frozen=True, slots=True)
class Done:
    """The step is over. `record` is merged into the operation's context, which later steps can read."""

    record: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Wait:
    """Not yet. The step is run again after `wake_in` seconds, or sooner when something wakes the operation.

    `give_up_in` counts from the first time the step was run; then it fails with `reason` as the code.
    """

    wake_in: float
    give_up_in: float
    reason: str
    message: str = ""


@dataclass(frozen=True, slots=True)
class Fail:
    """It will not work. `code` is stable, `message` is for the user and holds no secret."""

    code: str
    message: str


Outcome = Done | Wait | Fail


class Context:
    """What a step sees: the operation's parameters, its secrets, and what earlier steps recorded."""

    def __init__(self, operation: Operation, secrets: Mapping[str, Any]) -> None:
        self.operation = operation
        self.params: Mapping[str, Any] = operation.params
        self.secrets = secrets
        self.recorded: Mapping[str, Any] = operation.context


ContextT = TypeVar("ContextT", bound=Context)
Step = Callable[[ContextT], Outcome]


class Workflow(Generic[ContextT]):
    """Base of all recipes.

    `steps` run in order; when one fails, or a cancel is asked for, `on_failure` runs in order instead.
    Compensation that keeps failing is given up after `compensation_seconds` each and does not stop the rest.
    `succeeded` and `failed` run in the transaction that ends the operation: what they write is true exactly
    when the operation has ended.
    """

    kind: ClassVar[str]
    steps: ClassVar[tuple[Step[Any], ...]]
    on_failure: ClassVar[tuple[Step[Any], ...]] = ()
    #: A step that raises something retryable is tried again for so long before it counts as failed.
    retry_seconds: ClassVar[float] = 60.0
    compensation_seconds: ClassVar[float] = 300.0

    def context(self, operation: Operation, secrets: Mapping[str, Any]) -> ContextT:
        raise NotImplementedError

    def succeeded(self, operation: Operation) -> None:
        """Called inside the transaction that ends the operation as SUCCEEDED."""

    def failed(self, operation: Operation, code: str, message: str) -> None:
        """Called inside the transaction that ends it as FAILED or CANCELLED."""


_KIND = re.compile(r"^([a-z_]+)\.([a-z_]+)$")


def load(kind: str) -> Workflow[Any]:
    """The workflow of a kind: ``instances.create_instance`` is the class `CreateInstance` in the module
    `instances.workflows.create_instance`, or in whichever module of that package registers it."""
    if kind not in _registry:
        match = _KIND.match(kind)
        if match is None:
            raise LookupError(f"{kind!r} is not the kind of any workflow")
        importlib.import_module(f"{match[1]}.workflows")
    if kind not in _registry:
        raise LookupError(f"no workflow is registered for {kind!r}; known: {', '.join(sorted(_registry))}")
    return _registry[kind]


def register(workflow: type[Workflow[ContextT]]) -> type[Workflow[ContextT]]:
    """Class decorator: makes the workflow known by its kind."""
    _registry[workflow.kind] = workflow()
    return workflow


_registry: dict[str, Workflow[Any]] = {}
