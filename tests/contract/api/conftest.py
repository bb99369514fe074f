"""The instances tests' graph of rows."""

from tests.unit.instances.conftest import alice, flavor, make_instance, sent, version

__all__ = ["alice", "flavor", "make_instance", "sent", "version"]
