import pytest
from django.db import OperationalError, transaction

from dbaas.common import transactions


def failing(times: int, error: OperationalError) -> list[int]:
    left = [times, 0]

    def work() -> int:
        left[1] += 1
        if left[0]:
            left[0] -= 1
            raise error
        return left[1]

    try:
        return [transactions.run(work), left[1]]
    except OperationalError:
        return [-1, left[1]]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("code", [1213, 1205])
def test_deadlocks_victim_is_run_again(code: int) -> None:
    assert failing(2, OperationalError(code, "Deadlock found")) == [3, 3]
    assert failing(9, OperationalError(code, "Deadlock found")) == [-1, 5]


@pytest.mark.django_db(transaction=True)
def test_other_errors_are_not_tried_again() -> None:
    assert failing(1, OperationalError(2006, "Server has gone away")) == [-1, 1]


@pytest.mark.django_db(transaction=True)
def test_inner_transactions_are_not_run_again() -> None:
    with transaction.atomic():
        assert failing(1, OperationalError(1213, "Deadlock found")) == [-1, 1]
