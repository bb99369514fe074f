"""Pages of lists."""

from hypothesis import given
from hypothesis import strategies as st

from guestagent.engines.paging import page_of_databases, page_of_users, parse_user_marker
from guestagent.protocol.types import UserInfo


@given(names=st.sets(st.text(max_size=5), max_size=20), limit=st.integers(1, 7))
def test_pages_joined_are_the_list_in_order(names: set[str], limit: int) -> None:
    marker, seen = None, list[str]()
    while True:
        page = page_of_databases(list(names), limit, marker, include_marker=False)
        seen += [item["name"] for item in page.items]
        marker = page.next_marker
        if marker is None:
            break
    assert seen == sorted(names)


def test_users_of_one_name_are_told_apart_by_host() -> None:
    users = [UserInfo(name="a", host=host) for host in ("%", "10.0.0.1", "10.0.0.2")]
    first = page_of_users(users, 2, None, include_marker=False)
    assert first.next_marker == "a@10.0.0.1"
    rest = page_of_users(users, 2, first.next_marker, include_marker=False)
    assert [user.host for user in rest.items] == ["10.0.0.2"]
    assert rest.next_marker is None
    again = page_of_users(users, 2, first.next_marker, include_marker=True)
    assert [user.host for user in again.items] == ["10.0.0.1", "10.0.0.2"]


def test_no_limit_is_everything() -> None:
    assert page_of_databases(["b", "a"], None, None, include_marker=False).next_marker is None


def test_markers_with_and_without_host() -> None:
    assert parse_user_marker("ann") == ("ann", "%")
    assert parse_user_marker("ann@10.%") == ("ann", "10.%")
    assert parse_user_marker("ann@home@%") == ("ann@home", "%")
