"""What a MariaDB server says about its own variables."""

import re
from collections.abc import Collection, Iterator
from typing import Any, Final

from guestagent.engines.base import Parameter
from guestagent.engines.mysql_family.sql import Session

#: Files, folders, programs and libraries of the host, and what only an administrator's tools deal with.
_HOST: Final = re.compile(
    r"(^|_)(file|filename|dir|path|directory|basename|plugin|tmpdir|basedir|datadir)($|_)"
    r"|^(wsrep|ssl|tls|plugin|have|version|innodb_data_file|innodb_temp_data_file|log_bin_index|relay_log)($|_)"
)
_NEVER: Final = frozenset(
    {
        "bind_address", "extra_port", "port", "socket", "proxy_protocol_networks",  # who may come in
        "skip_networking",
        "skip_grant_tables", "secure_auth", "old_passwords", "secure_timestamp",  # who is let in
        "log_bin", "log_error", "relay_log_index", "relay_log_recovery",  # where files go
        "core_file", "large_pages", "hostname", "license", "server_uid",  # the host
        "lower_case_table_names", "innodb_page_size",  # fixed with the data
        "init_connect", "init_slave", "read_only", "innodb_read_only",  # would stop the agent
        "super_read_only", "autocommit", "sql_log_bin",
    }
)  # fmt: skip
#: Options of the file although the server's table says that they are none.
_OPTIONS: Final = (
    "character_set_server", "collation_server", "default_storage_engine", "lc_messages", "lc_time_names",
)  # fmt: skip
_TYPES: Final = {"BOOLEAN": "boolean", "DOUBLE": "float"}

_QUERY: Final = """
    SELECT LOWER(VARIABLE_NAME), VARIABLE_TYPE, READ_ONLY = 'YES', NUMERIC_MIN_VALUE, NUMERIC_MAX_VALUE,
           ENUM_VALUE_LIST, DEFAULT_VALUE
    FROM information_schema.SYSTEM_VARIABLES
    WHERE (COMMAND_LINE_ARGUMENT IS NOT NULL AND VARIABLE_SCOPE <> 'SESSION ONLY')
       OR LOWER(VARIABLE_NAME) IN %s
"""


def is_for_users(name: str, fixed: Collection[str]) -> bool:
    return name not in fixed and name not in _NEVER and not _HOST.search(name)


def parameters(session: Session, fixed: Collection[str]) -> Iterator[Parameter]:
    """Variables that can stand in the configuration file and that users may change."""
    for name, kind, is_static, minimum, maximum, choices, default in session.rows(_QUERY, _OPTIONS):
        if not is_for_users(name, fixed):
            continue
        numeric = kind == "DOUBLE" or "INT" in kind
        yield Parameter(
            name=name,
            type=_TYPES.get(kind, "integer" if numeric else "string"),
            restart_required=bool(is_static),
            minimum=_number(minimum) if numeric else None,
            maximum=_number(maximum) if numeric else None,
            choices=tuple(choices.split(",")) if kind == "ENUM" and choices else (),
            default=_default(kind, default),
        )


def _number(text: Any) -> int | float:
    number = float(text)
    return int(text) if str(text).lstrip("-").isdigit() else number


def _default(kind: str, default: Any) -> str | None:
    if default is None:
        return None
    if kind != "BOOLEAN":
        return str(default)
    return "true" if default == "ON" else "false"
