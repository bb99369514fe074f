"""A workflow made of switches, and a broker that only remembers."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from dbaas.taskmanager import outbox, workflow
from dbaas.taskmanager.models import Operation
from dbaas.taskmanager.workflow import Context, Done, Outcome, Workflow


@dataclass
class Script:
    """What the steps of the test workflow answer next, and what was called."""

    calls: list[str] = field(default_factory=list)
    answers: dict[str, list[Outcome | Exception]] = field(default_factory=dict)
    ended: list[tuple[str, str]] = field(default_factory=list)

    def answer(self, step: str) -> Outcome:
        self.calls.append(step)
        queue = self.answers.get(step) or [Done()]
        answer = queue.pop(0) if len(queue) > 1 else queue[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def script() -> Iterator[Script]:
    current = Script()

    def first(ctx: Context) -> Outcome:
        return current.answer("first")

    def second(ctx: Context) -> Outcome:
        return current.answer("second")

    def undo_second(ctx: Context) -> Outcome:
        return current.answer("undo_second")

    def undo_first(ctx: Context) -> Outcome:
        return current.answer("undo_first")

    class Scripted(Workflow[Context]):
        kind = "tests.scripted"
        steps = (first, second)
        on_failure = (undo_second, undo_first)

        def context(self, operation: Operation, secrets: Any) -> Context:
            return Context(operation, secrets)

        def succeeded(self, operation: Operation) -> None:
            current.ended.append(("succeeded", ""))

        def failed(self, operation: Operation, code: str, message: str) -> None:
            current.ended.append(("failed", code))

    workflow.register(Scripted)
    yield current
    workflow._registry.pop("tests.scripted")


@dataclass
class RecordingBroker:
    sent: list[tuple[str, list[Any], str]] = field(default_factory=list)
    is_away: bool = False

    def publish(self, task: str, args: list[Any], queue: str) -> bool:
        if self.is_away:
            return False
        self.sent.append((task, args, queue))
        return True


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch) -> RecordingBroker:
    """In place of RabbitMQ: the publish function is the seam; the real one is tried in tests/integration."""
    recording = RecordingBroker()
    monkeypatch.setattr(outbox, "publish", recording.publish)
    return recording
