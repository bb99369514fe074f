"""What a piece of work is about, bound once and seen in every log line below it.

Names: request_id, global_request_id, actor (a user's id), project_id, instance_id, operation_id
(contextvars, so threads and requests do not see each other's).
"""

import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from structlog import contextvars

_REQUEST_ID = re.compile(r"req-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)


def new_request_id() -> str:
    return f"req-{uuid.uuid4()}"


def is_request_id(text: str) -> bool:
    """True for ``req-<uuid>``; anything else a client sends is not repeated into logs."""
    return _REQUEST_ID.fullmatch(text) is not None


def current_request_id() -> str:
    """The request this work was asked by, or an empty string outside of any."""
    return str(contextvars.get_contextvars().get("request_id", ""))


def current_actor() -> str:
    """The user on whose behalf this work is done, or an empty string: the service's own."""
    return str(contextvars.get_contextvars().get("actor", ""))


def bind(**values: str) -> None:
    """Add to the context until `clear` (empty values are left out)."""
    contextvars.bind_contextvars(**{name: value for name, value in values.items() if value})


def clear() -> None:
    contextvars.clear_contextvars()


@contextmanager
def bound(**values: str) -> Iterator[None]:
    """Add to the context inside a ``with`` block; what was there before comes back at its end."""
    with contextvars.bound_contextvars(**{name: value for name, value in values.items() if value}):
        yield
