from datetime import timedelta

import pytest
from django.db import transaction
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase
from pytest_django import Settings

from dbaas.accounts import quotas
from dbaas.accounts.models import QuotaHold, QuotaUsage
from dbaas.common.errors import BadRequest, Conflict, NotFound

P = "project-1"


def lines(project: str = P) -> dict[str, tuple[int, int]]:
    return {line.resource: (line.in_use, line.reserved) for line in quotas.usage(project)}


@pytest.fixture(autouse=True)
def limits(db: None, settings: Settings) -> None:
    settings.MAX_INSTANCES_PER_TENANT = 2
    settings.MAX_VOLUMES_PER_TENANT = 10
    settings.MAX_RAM_PER_TENANT = -1
    settings.MAX_BACKUPS_PER_TENANT = 5


def create(holder: str, volumes: int = 4) -> None:
    quotas.reserve(project_id=P, holder=holder, deltas={"instances": 1, "volumes": volumes, "ram": 512})


def test_life_of_a_holder_goes_up_and_back_to_nothing() -> None:
    create("a")
    assert lines() == {"instances": (0, 1), "ram": (0, 512), "volumes": (0, 4), "backups": (0, 0)}
    quotas.commit(holder="a")
    assert lines() == {"instances": (1, 0), "ram": (512, 0), "volumes": (4, 0), "backups": (0, 0)}
    quotas.release(holder="a")
    assert set(lines().values()) == {(0, 0)}
    assert not QuotaHold.objects.exists()


def test_everything_may_be_said_twice() -> None:
    create("a")
    create("a")
    assert lines()["instances"] == (0, 1)
    quotas.commit(holder="a")
    quotas.commit(holder="a")
    assert lines()["instances"] == (1, 0)
    quotas.release(holder="a")
    quotas.release(holder="a")
    quotas.commit(holder="a")
    assert lines()["instances"] == (0, 0)


def test_too_much_names_all_resources_and_takes_nothing() -> None:
    create("a")
    create("b")
    with pytest.raises(quotas.QuotaExceeded) as refusal:
        create("c")
    assert refusal.value.message == "Quota exceeded for resources: ['instances', 'volumes']."
    assert refusal.value.status == 413
    assert lines()["ram"] == (0, 1024)
    assert not QuotaHold.objects.filter(holder="c").exists()


def test_exactly_the_limit_fits() -> None:
    create("a", volumes=10)
    assert lines()["volumes"] == (0, 10)


def test_a_callers_transaction_takes_the_reservation_with_it() -> None:
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        create("a")
        1 / 0  # noqa: B018
    assert lines()["instances"] == (0, 0)


def test_a_refusal_leaves_the_callers_transaction_usable() -> None:
    with transaction.atomic():
        create("a")
        with pytest.raises(quotas.QuotaExceeded):
            create("b", volumes=100)
        quotas.commit(holder="a")
    assert lines()["instances"] == (1, 0)


def test_shrinking_gives_room_only_when_done() -> None:
    create("a", volumes=10)
    quotas.commit(holder="a")
    quotas.reserve(project_id=P, holder="op", deltas={"volumes": -4})
    assert lines()["volumes"] == (10, 0)
    quotas.commit(holder="op", into="a")
    quotas.commit(holder="op", into="a")
    assert lines()["volumes"] == (6, 0)
    quotas.release(holder="a")
    assert lines()["volumes"] == (0, 0)


def test_growth_of_an_operation_becomes_the_instances() -> None:
    create("a")
    quotas.commit(holder="a")
    quotas.reserve(project_id=P, holder="op", deltas={"volumes": 3, "ram": 512})
    quotas.commit(holder="op", into="a")
    assert lines()["volumes"] == (7, 0)
    assert not QuotaHold.objects.filter(holder="op").exists()
    quotas.release(holder="a")
    assert set(lines().values()) == {(0, 0)}


def test_a_failed_change_keeps_what_is_in_use() -> None:
    create("a")
    quotas.commit(holder="a")
    quotas.reserve(project_id=P, holder="a", deltas={"volumes": 3})
    quotas.cancel(holder="a")
    quotas.cancel(holder="a")
    assert lines()["volumes"] == (4, 0)


def test_one_holder_has_one_change_at_a_time() -> None:
    create("a")
    with pytest.raises(Conflict):
        quotas.reserve(project_id=P, holder="a", deltas={"volumes": 1})
    with pytest.raises(Conflict):
        quotas.reserve(project_id="project-2", holder="a", deltas={"volumes": 4})


def test_a_lowered_limit_stops_growth_only() -> None:
    create("a")
    quotas.commit(holder="a")
    quotas.set_limits(P, {"instances": 0, "volumes": 1})
    quotas.reserve(project_id=P, holder="op", deltas={"volumes": -1})
    quotas.commit(holder="op", into="a")
    with pytest.raises(quotas.QuotaExceeded):
        quotas.reserve(project_id=P, holder="op2", deltas={"volumes": 1})
    quotas.release(holder="a")
    assert lines()["volumes"] == (0, 0)


def test_minus_one_is_unlimited_and_limits_are_per_project() -> None:
    assert quotas.set_limits(P, {"instances": -1}) == {"instances": -1}
    for number in range(5):
        quotas.reserve(project_id=P, holder=f"h{number}", deltas={"instances": 1})
    assert {line.resource: line.limit for line in quotas.usage(P)}["instances"] == -1
    assert {line.resource: line.limit for line in quotas.usage("project-2")}["instances"] == 2


def test_bad_limits_are_refused() -> None:
    with pytest.raises(BadRequest):
        quotas.set_limits(P, {"instances": -2})
    with pytest.raises(NotFound):
        quotas.set_limits(P, {"goats": 2})
    with pytest.raises(NotFound):
        quotas.reserve(project_id=P, holder="a", deltas={"goats": 2})


def test_sweep_releases_only_holders_that_are_gone() -> None:
    create("alive")
    create("gone")
    assert quotas.sweep(older_than=timedelta(hours=1), is_alive=lambda holder: False) == 0
    assert quotas.sweep(older_than=timedelta(0), is_alive=lambda holder: holder == "alive") == 1
    assert lines()["instances"] == (0, 1)


CALLS = st.lists(
    st.tuples(
        st.sampled_from(["reserve", "commit", "release", "cancel", "hand over"]),
        st.sampled_from(["a", "b", "c"]),
        st.integers(-6, 6),
    ),
    max_size=25,
)


@pytest.mark.usefixtures("limits")
class TestLedger(TestCase):
    @hypothesis_settings(max_examples=60, deadline=None)
    @given(calls=CALLS)
    def test_counters_are_always_the_sum_of_the_holds(self, calls: list[tuple[str, str, int]]) -> None:
        for verb, holder, delta in calls:
            try:
                if verb == "reserve":
                    quotas.reserve(project_id=P, holder=holder, deltas={"volumes": max(delta, 0)})
                elif verb == "hand over":
                    quotas.commit(holder=holder, into="a")
                else:
                    {"commit": quotas.commit, "release": quotas.release, "cancel": quotas.cancel}[verb](
                        holder=holder
                    )
            except (quotas.QuotaExceeded, Conflict):
                pass
            holds = list(QuotaHold.objects.filter(project_id=P))
            usage = QuotaUsage.objects.filter(project_id=P, resource="volumes").first() or QuotaUsage()
            assert usage.in_use == sum(hold.committed for hold in holds)
            assert usage.reserved == sum(max(hold.reserved, 0) for hold in holds)
            assert usage.in_use + usage.reserved <= 10
