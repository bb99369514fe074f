"""One stack on the rack for each process of pytest; after a failure, a fresh one."""

from collections.abc import Generator, Iterator
from contextlib import ExitStack

import pytest

from compose.local.demo.login import Datastore
from tests.chaos.bench import Bench, bench
from tests.chaos.tenant import Tenant

#: Shorter than in production, to wait less for workers that were killed; `test_as_shipped.py` waits it out.
_LEASE_SECONDS = "4"


class Rack:
    """Holds the stack, and a tenant for each datastore."""

    def __init__(self) -> None:
        self._cleanup = ExitStack()
        self._bench: Bench | None = None
        self._tenants: dict[str, Tenant] = {}

    def bench(self) -> Bench:
        if self._bench is None:
            self._bench = self._cleanup.enter_context(bench(OPERATION_LEASE_SECONDS=_LEASE_SECONDS))
        return self._bench

    def tenant(self, datastore: Datastore = "mariadb") -> Tenant:
        if datastore not in self._tenants:
            self._tenants[datastore] = Tenant(self.bench(), datastore)
        return self._tenants[datastore]

    def discard(self) -> None:
        """The stack went through something that it may not have survived."""
        self._bench, self._tenants = None, {}
        self._cleanup.close()

    def leave(self) -> None:
        """See that nothing is left of the instances that served many tests; then remove the stack."""
        try:
            for tenant in self._tenants.values():
                tenant.leave()
        finally:
            self.discard()


@pytest.fixture(scope="session")
def _rack() -> Iterator[Rack]:
    rack = Rack()
    yield rack
    rack.leave()


@pytest.fixture
def rack(_rack: Rack, request: pytest.FixtureRequest) -> Iterator[Rack]:
    yield _rack
    report = request.node.stash.get(_REPORT, None)
    if report is not None and report.failed:
        _rack.discard()


_REPORT = pytest.StashKey[pytest.TestReport]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    rack = getattr(item, "funcargs", {}).get("_rack")
    if report.when == "call" and isinstance(rack, Rack):
        item.stash[_REPORT] = report
        if report.failed:
            report.sections.append(("what the stack says", rack.bench().story()))
    return report
