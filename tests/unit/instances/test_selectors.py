"""Lists stay cheap however many instances there are."""

import pytest
from django.db import connection

from instances.selectors import instance_list


@pytest.mark.django_db
@pytest.mark.skipif(connection.vendor != "sqlite", reason="reads SQLite's plan")
def test_a_page_is_read_from_an_index_in_order() -> None:
    """Sorting a project's instances for each page of them would cost more with each instance."""
    plan = instance_list(project_id="p").order_by("-created_at", "-id")[:20].explain()

    assert "INDEX instance_newest_first" in plan
    assert "ORDER BY" not in plan
