"""Workers die under the settings that we ship: the lease is as long as in production."""

from collections.abc import Iterator

import pytest

from tests.chaos.bench import Bench, bench
from tests.chaos.tenant import Tenant
from tests.chaos.trial import Case, cases, run_case

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(300)]

_CASES = [
    case
    for case in cases()
    if case.harm == "kill_taskmanager"
    and case.point.scenario in {"create", "delete", "create_users"}
    and case.point.name.endswith(("ensure_server/after", "delete_server/before", "send_to_guest/after"))
]


@pytest.fixture(scope="module")
def shipped() -> Iterator[tuple[Bench, Tenant]]:
    with bench() as running:
        tenant = Tenant(running, "mariadb")
        yield running, tenant
        tenant.leave()


@pytest.mark.parametrize("case", _CASES, ids=str)
def test_a_killed_worker_is_replaced_in_time(shipped: tuple[Bench, Tenant], case: Case) -> None:
    run_case(*shipped, case)
