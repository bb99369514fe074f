"""A few of the cases for every run of the tests: each kind of harm once, at a point where it hurts."""

import pytest

from tests.chaos.conftest import Rack
from tests.chaos.trial import Case, cases, run_case

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

_SELECTED = {
    ("create", "taskmanager/create_instance.forward.create_server/ensure_server/after", "kill_taskmanager"),
    ("create", "guest/prepare_datastore/do_command/after", "kill_guest"),
    ("create_undone", "taskmanager/create_instance.back.delete_volume/delete_volume/before", "cut_broker"),
    ("create_users", "conductor/command_finished/take_in/after", "kill_conductor"),
    ("create_users", "taskmanager/create_users.forward.create_users/send_to_guest/before", "twice"),
    ("restart", "taskmanager/restart_instance.forward.restart_datastore/step/before", "cut_redis"),
    ("delete", "taskmanager/delete_instance.forward.delete_server/delete_server/after", "kill_taskmanager"),
}
_CASES = [case for case in cases() if (case.point.scenario, case.point.name, case.harm) in _SELECTED]


def test_the_selection_exists() -> None:
    assert len(_CASES) == len(_SELECTED)


@pytest.mark.parametrize("case", _CASES, ids=str)
def test_the_operation_ends_well_and_leaves_nothing(rack: Rack, case: Case) -> None:
    run_case(rack.bench(), rack.tenant(), case)
