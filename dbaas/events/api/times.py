"""Times that clients send."""

from datetime import UTC, datetime

from dbaas.common.errors import BadRequest


def moment(name: str, text: str | None) -> datetime | None:
    """ISO 8601; without a zone it is UTC, as the API writes them. Raises BadRequest."""
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        raise BadRequest(f"{name} must be a time such as 2026-01-31T00:00:00.") from None
