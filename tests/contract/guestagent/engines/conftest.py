"""Each test runs once for every engine that the host has programs of."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from guestagent.engines.server import ServerManager
from tests.contract.guestagent.engines.guest import ENGINES, Guest, work_folder


@pytest.fixture(scope="session")
def templates() -> Iterator[Path]:
    with work_folder() as folder:
        yield folder


@pytest.fixture(scope="session", params=ENGINES, ids=lambda engine: engine[0])
def engine(request: pytest.FixtureRequest) -> tuple[str, str]:
    found: tuple[str, str] = request.param
    return found


@pytest.fixture(scope="session")
def guest(engine: tuple[str, str], templates: Path) -> Iterator[Guest]:
    """One that is prepared and stays up, for tests that change nothing but what they made themselves."""
    yield from _guest(engine, templates, prepared=True)


@pytest.fixture
def own_guest(engine: tuple[str, str], templates: Path) -> Iterator[Guest]:
    """One for this test alone, not prepared yet: it may be killed."""
    yield from _guest(engine, templates, prepared=False)


@pytest.fixture
def manager(guest: Guest) -> ServerManager:
    return guest.manager()


def _guest(engine: tuple[str, str], templates: Path, *, prepared: bool) -> Iterator[Guest]:
    with work_folder() as folder:
        guest = Guest(*engine, folder=folder, templates=templates)
        (folder / "state").mkdir(mode=0o700)
        manager = guest.manager()
        try:
            if prepared:
                manager.prepare({})
            yield guest
        finally:
            guest.manager().runtime.stop(timeout_seconds=0)
