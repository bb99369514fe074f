"""Transactions that another one got in the way of."""

import secrets
import time
from collections.abc import Callable
from typing import Final, TypeVar

from django.db import OperationalError, transaction

T = TypeVar("T")
#: PostgreSQL: serialization failure, deadlock. MariaDB/MySQL: deadlock, lock wait timeout, record changed.
_PASSING_CODES: Final = frozenset({"40001", "40P01", 1213, 1205, 1020})


def is_passing(error: OperationalError) -> bool:
    """True when the same transaction may well succeed if it is run again from its start."""
    cause = error.__cause__
    code = getattr(cause, "sqlstate", None) or (error.args[0] if error.args else None)
    return code in _PASSING_CODES or "database is locked" in str(error)


def run(work: Callable[[], T], *, attempts: int = 5) -> T:
    """Run `work` in a transaction, again if it was a deadlock's victim.

    Inside a transaction it is run once: only the outermost one can be run again.
    """
    may_repeat = not transaction.get_connection().in_atomic_block
    for attempt in range(1, attempts + 1):
        try:
            with transaction.atomic():
                return work()
        except OperationalError as error:
            if not may_repeat or attempt == attempts or not is_passing(error):
                raise
            time.sleep(secrets.randbelow(1 + 10 * 2**attempt) / 1000)  # out of step with the other victims
    raise AssertionError("unreachable")
