"""One private stack for all tests that do not hurt it."""

from collections.abc import Iterator

import pytest

from tests.e2e.stack import PrivateStack, private_stack


@pytest.fixture(scope="session")
def stack() -> Iterator[PrivateStack]:
    with private_stack() as running:
        yield running
