from collections.abc import Iterator
from pathlib import Path

import pytest

from guestagent.protocol.commands import PrepareDatastore
from tests.integration.guestagent.bench import Guest, virtual_host


@pytest.fixture
def guest(tmp_path: Path) -> Iterator[Guest]:
    """An agent that is not started yet."""
    with virtual_host() as management:
        guest = Guest(management, tmp_path)
        try:
            yield guest
        finally:
            guest.clean_up()


@pytest.fixture
def prepared(guest: Guest) -> Guest:
    """An agent that runs, with a server that runs."""
    guest.start()
    guest.outcome(guest.send(PrepareDatastore()))
    return guest
