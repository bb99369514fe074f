"""What `make demo` shows works, on each of the three control databases."""

import pytest

from compose.local import demo
from tests.e2e.stack import private_stack

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]


@pytest.mark.parametrize("database", ["sqlite", "postgresql", "mariadb"])
def test_demo_works_twice_and_leaves_nothing_when_its_instance_is_deleted(database: str) -> None:
    with private_stack(database=database) as stack:
        demo.run(stack)
        if database == "sqlite":
            demo.run(stack)
        kept = stack.client().json("database", "instance", "list")
        assert [row["Name"] for row in kept] == ["demo-mariadb"]
        stack.openstack("database", "instance", "delete", kept[0]["ID"])
        stack.wait_until(lambda: not stack.leftovers(), timeout=60, what="nothing to be left over")
