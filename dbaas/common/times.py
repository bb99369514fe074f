"""Times as the API writes them."""

from datetime import UTC, datetime


def api_timestamp(moment: datetime | None) -> str | None:
    """UTC, ISO 8601, no microseconds and no zone suffix (contract 1.1): ``2026-01-01T00:00:00``."""
    if moment is None:
        return None
    if moment.tzinfo is not None:
        moment = moment.astimezone(UTC).replace(tzinfo=None)
    return moment.replace(microsecond=0).isoformat()
