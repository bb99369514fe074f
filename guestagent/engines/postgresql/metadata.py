"""What a PostgreSQL server says about its own parameters."""

import re
from collections.abc import Collection, Iterator
from typing import Any, Final

from guestagent.engines.base import Parameter
from guestagent.engines.postgresql.sql import Session

#: Files, programs and libraries of the host, and where connections come from.
_HOST: Final = re.compile(
    r"_(command|file|directory|filename|path|library|libraries|provider)$"
    r"|^(ssl|krb|unix_socket|bonjour|listen|recovery|primary|promote|restore|archive|gss|extension)(_|$)"
)
_NEVER: Final = frozenset(
    {
        "port", "event_source", "data_sync_retry", "hot_standby",
        "full_page_writes", "fsync",  # keep data safe
        "default_transaction_read_only", "row_security", "session_replication_role",  # would stop the agent
        "exit_on_error", "restart_after_crash", "remove_temp_files_after_crash", "log_destination",
        "client_encoding", "application_name",  # each client's own
    }
)  # fmt: skip
_CATEGORIES: Final = ("Developer Options", "Preset Options", "Customized Options")
_TYPES: Final = {"bool": "boolean", "integer": "integer", "real": "float"}

_QUERY: Final = """
    SELECT name, vartype, context, unit, min_val, max_val, enumvals, boot_val, category
    FROM pg_settings WHERE context <> 'internal'
"""


def is_for_users(name: str, category: str, fixed: Collection[str]) -> bool:
    lower = name.lower()
    return not (lower in fixed or lower in _NEVER or _HOST.search(lower) or category.startswith(_CATEGORIES))


def parameters(session: Session, fixed: Collection[str]) -> Iterator[Parameter]:
    for name, kind, context, unit, minimum, maximum, choices, default, category in session.rows(_QUERY):
        if is_for_users(name, category, fixed):
            yield Parameter(
                name=name,
                type=_TYPES.get(kind, "string"),
                restart_required=context == "postmaster",
                minimum=_number(kind, minimum),
                maximum=_number(kind, maximum),
                choices=tuple(choices or ()),
                default=_default(kind, default),
                description=f"In {unit}." if unit else "",
            )


def _number(kind: str, text: Any) -> int | float | None:
    if text is None or kind not in {"integer", "real"}:
        return None
    return int(text) if kind == "integer" else float(text)


def _default(kind: str, default: str | None) -> str | None:
    if default is None or kind != "bool":
        return default
    return "true" if default == "on" else "false"
