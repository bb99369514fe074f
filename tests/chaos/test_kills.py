"""Every harm at every point of every scenario."""

import pytest

from tests.chaos.conftest import Rack
from tests.chaos.trial import Case, cases, run_case

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(300)]


@pytest.mark.parametrize("case", cases(), ids=str)
def test_the_operation_ends_well_and_leaves_nothing(rack: Rack, case: Case) -> None:
    run_case(rack.bench(), rack.tenant(), case)


@pytest.mark.parametrize("case", [case for case in cases() if "/do_command/" in case.point.name], ids=str)
def test_it_does_on_postgresql_too(rack: Rack, case: Case) -> None:
    """What differs is what the guest does: harm around that."""
    run_case(rack.bench(), rack.tenant("postgresql"), case)
