"""The recorded points are the points there are."""

import pytest

from tests.chaos.conftest import Rack
from tests.chaos.scenarios import SCENARIOS
from tests.chaos.trial import known_points, record

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(300)]


def test_every_scenario_is_recorded() -> None:
    assert {point.scenario for point in known_points()} == set(SCENARIOS)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_recorded_points_are_complete(rack: Rack, scenario: str) -> None:
    """Otherwise run ``python -m tests.chaos.record``."""
    seen = {point.name for point in record(rack.bench(), rack.tenant(), scenario)}
    known = {point.name for point in known_points() if point.scenario == scenario}
    # On a slow machine a command may be sent again by the step that waits for it: no other effect.
    resent = {name for name in seen - known if "/send_to_guest/" in name}
    assert seen - resent == known
