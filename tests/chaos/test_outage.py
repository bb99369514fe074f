"""Servers that stay away for long: what was asked meanwhile is done soon after they are back."""

from collections.abc import Callable

import pytest

from tests.chaos.bench import Bench
from tests.chaos.conftest import Rack
from tests.chaos.scenarios import SCENARIOS

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(300)]

#: Longer than heartbeats of AMQP connections live (two of 10 s), and than a command waits to be sent again.
_AWAY_SECONDS = 40.0
_SERVERS = ("broker", "management", "redis")


@pytest.mark.parametrize("harm", [Bench.cut, Bench.stall], ids=["cut", "stalled"])
@pytest.mark.parametrize("scenario", ["create", "delete"])
def test_what_is_asked_during_an_outage_is_done_after_it(
    rack: Rack, scenario: str, harm: Callable[..., None]
) -> None:
    bench = rack.bench()
    bench.settle()
    attempt = SCENARIOS[scenario](bench, rack.tenant())
    harm(bench, *_SERVERS, seconds=_AWAY_SECONDS)
    operation_id = attempt.ask()  # taken in though nobody can be told
    assert bench.operation(operation_id)["state"] == "pending"
    bench.heal()
    ended = bench.end_of(operation_id)
    assert ended["state"] == attempt.ends, ended
    attempt.check()
