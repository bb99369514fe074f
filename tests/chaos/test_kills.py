"""Every harm at every point of every scenario."""

import pytest

from tests.chaos.conftest import Rack
from tests.chaos.trial import Case, cases, run_case

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(300)]


@pytest.mark.parametrize("case", cases(), ids=str)
def test_the_operation_ends_well_and_leaves_nothing(rack: Rack, case: Case) -> None:
    run_case(rack.bench(), rack.tenant(), case)
