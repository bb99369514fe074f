"""One scenario with one harm at one point; or with none, to record the points."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.chaos.bench import Bench
from tests.chaos.gatekeeper import Trap
from tests.chaos.harms import ALL_HARMS, HARMS, MESSAGE_HARMS, is_message
from tests.chaos.scenarios import SCENARIOS
from tests.chaos.tenant import Tenant

#: Written by `python -m tests.chaos.record`; `test_points.py` says when it is out of date.
POINTS_FILE: Final = Path(__file__).with_name("points.txt")
#: So long may an operation take to come to a point.
_REACH_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class Point:
    """A place in a scenario. `has_guest`: a guest agent runs there."""

    scenario: str
    name: str
    has_guest: bool

    def __str__(self) -> str:
        return f"{self.scenario} {self.name}" + (" guest" if self.has_guest else "")


def known_points() -> list[Point]:
    lines = [line.split() for line in POINTS_FILE.read_text().splitlines() if not line.startswith("#")]
    return [Point(scenario, name, has_guest=bool(rest)) for scenario, name, *rest in lines]


@dataclass(frozen=True, slots=True)
class Case:
    point: Point
    harm: str

    def __str__(self) -> str:
        return f"{self.point.scenario}-{self.point.name.replace('/', '-')}-{self.harm}"


def cases() -> list[Case]:
    """Every harm at every point where it makes sense."""
    found = []
    for point in known_points():
        names = [name for name, harm in HARMS.items() if point.has_guest or not harm.needs_guest]
        if is_message(point.name):
            names += MESSAGE_HARMS
        found += [Case(point, name) for name in names]
    return found


def run_case(bench: Bench, tenant: Tenant, case: Case) -> None:
    harm = ALL_HARMS[case.harm]
    bench.settle()
    if harm.needs_guest:
        tenant.leave()  # an agent that ends again and again is started with growing pauses
    attempt = SCENARIOS[case.point.scenario](bench, tenant)
    trap = Trap(case.point.name, lambda: harm.act(bench))
    with bench.keeper.trap(trap, *attempt.also):
        operation_id = attempt.ask()
        trap.wait(_REACH_SECONDS)
        ended = bench.end_of(operation_id)
    for also in attempt.also:
        also.wait(0)
    assert ended["state"] == attempt.ends, ended
    bench.heal()
    attempt.check()


def record(bench: Bench, tenant: Tenant, scenario: str) -> list[Point]:
    """The points of a scenario, in the order they are come by when nothing goes wrong."""
    bench.settle()
    attempt = SCENARIOS[scenario](bench, tenant)
    with (
        bench.keeper.trap(*attempt.also),
        bench.keeper.recording(lambda: bench.guest_pid() is not None) as seen,
    ):
        ended = bench.end_of(attempt.ask())
    for also in attempt.also:
        also.wait(0)
    assert ended["state"] == attempt.ends, ended
    points = [Point(scenario, name, has_guest) for name, has_guest in seen.items()]
    attempt.check()
    return points
