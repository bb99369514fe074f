"""Pages of a list that is short enough to be sorted in memory."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from guestagent.protocol.types import Page, UserInfo

Item = TypeVar("Item")


def page_of(
    items: Sequence[Item],
    *,
    key: Callable[[Item], tuple[str, ...]],
    limit: int | None,
    after: tuple[str, ...] | None,
    include_marker: bool,
    marker_of: Callable[[Item], str],
) -> Page:
    """Items in key order from `after` on. The marker need not exist any more: the order decides."""
    ordered = sorted(items, key=key)
    if after is not None:
        ordered = [item for item in ordered if key(item) > after or (include_marker and key(item) == after)]
    size = len(ordered) if limit is None else max(1, limit)
    shown = ordered[:size]
    return Page(items=tuple(shown), next_marker=marker_of(shown[-1]) if len(ordered) > size else None)


def page_of_databases(
    names: Sequence[str], limit: int | None, marker: str | None, include_marker: bool
) -> Page:
    items: list[dict[str, Any]] = [{"name": name} for name in names]
    return page_of(
        items,
        key=lambda item: (item["name"],),
        limit=limit,
        after=None if marker is None else (marker,),
        include_marker=include_marker,
        marker_of=lambda item: str(item["name"]),
    )


def page_of_users(
    users: Sequence[UserInfo], limit: int | None, marker: str | None, include_marker: bool
) -> Page:
    """Markers are ``name@host``; without a host, ``%`` is meant."""
    return page_of(
        users,
        key=lambda user: (user.name, user.host),
        limit=limit,
        after=None if marker is None else parse_user_marker(marker),
        include_marker=include_marker,
        marker_of=lambda user: f"{user.name}@{user.host}",
    )


def parse_user_marker(marker: str) -> tuple[str, str]:
    name, at, host = marker.rpartition("@")
    return (name, host) if at else (marker, "%")
