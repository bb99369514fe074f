"""What may happen at a point. A new kind of harm is a row of this table."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from tests.chaos.bench import Bench
from tests.chaos.gatekeeper import GO_ON, Word
from tests.chaos.probes.gate import LATE, LOST, TWICE

CUT_SECONDS: Final = 3.0
#: Longer than anybody waits for one answer of a server.
STALL_SECONDS: Final = 8.0
#: A command is sent again after 15 s; this is later than that.
LATE_SECONDS: Final = 18.0


@dataclass(frozen=True, slots=True)
class Harm:
    """`needs_guest`: it makes sense only where a guest agent runs."""

    act: Callable[[Bench], Word]
    needs_guest: bool = False


def _kill(process: str) -> Callable[[Bench], Word]:
    def act(bench: Bench) -> Word:
        bench.stack.process(process).kill()
        return GO_ON

    return act


def _kill_guest(bench: Bench) -> Word:
    bench.stack.wait_until(bench.guest_pid, timeout=20, what="a guest agent to kill")
    bench.kill_guests()
    return GO_ON


def _cut(*names: str) -> Callable[[Bench], Word]:
    def act(bench: Bench) -> Word:
        bench.cut(*names, seconds=CUT_SECONDS)
        return GO_ON

    return act


def _stall(*names: str) -> Callable[[Bench], Word]:
    def act(bench: Bench) -> Word:
        bench.stall(*names, seconds=STALL_SECONDS)
        return GO_ON

    return act


#: At every point.
HARMS: Final[Mapping[str, Harm]] = {
    "kill_taskmanager": Harm(_kill("taskmanager")),
    "kill_conductor": Harm(_kill("conductor")),
    "kill_guest": Harm(_kill_guest, needs_guest=True),
    "cut_broker": Harm(_cut("broker", "management")),
    "cut_redis": Harm(_cut("redis")),
}
#: At points before a message.
MESSAGE_HARMS: Final[Mapping[str, Harm]] = {
    "lost": Harm(lambda _: (LOST, 0.0)),
    "twice": Harm(lambda _: (TWICE, 0.0)),
    "stall_broker": Harm(_stall("broker", "management")),
    "stall_redis": Harm(_stall("redis")),
    "late": Harm(lambda _: (LATE, LATE_SECONDS)),
}
ALL_HARMS: Final[Mapping[str, Harm]] = {**HARMS, **MESSAGE_HARMS}
MESSAGES: Final = ("send_to_guest", "take_in", "run_operation", "publish_report")


def is_message(point: str) -> bool:
    return point.endswith(tuple(f"/{message}/before" for message in MESSAGES))
