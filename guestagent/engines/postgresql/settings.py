"""postgresql.conf and its companions: sized by the flavor, then overrides, then what nobody may change."""

import re
from collections.abc import Mapping
from typing import Any

from guestagent.engines.certificates import CERTIFICATE, KEY
from guestagent.engines.layout import Layout
from guestagent.engines.postgresql.sizing import sized
from guestagent.engines.postgresql.sql import ADMIN
from guestagent.errors import GuestError
from guestagent.protocol.guest_config import GuestConfig

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*")
#: Name of the map that lets the agent's system user be the administrator.
AGENT_MAP = "agent"


def render(config: GuestConfig, layout: Layout, overrides: Mapping[str, Any], port: int) -> str:
    """The whole file; later lines win. Raises GuestError for a value that can't be written."""
    return (
        "# Made by the guest agent at each start of the server; changes are lost.\n"
        + _section("sized by the flavor", sized(config.memory_mb))
        + _section("overrides of the user", overrides)
        + _section("not to be overridden", fixed(config, layout, port))
    )


def fixed(config: GuestConfig, layout: Layout, port: int) -> dict[str, Any]:
    return {
        "data_directory": layout.data,
        "hba_file": layout.config / "pg_hba.conf",
        "ident_file": layout.config / "pg_ident.conf",
        "external_pid_file": layout.run / "server.pid",
        "listen_addresses": config.listen_address,
        "port": port,
        "unix_socket_directories": layout.run,
        "unix_socket_permissions": "0700",
        "ssl": True,
        "ssl_cert_file": layout.tls / CERTIFICATE,
        "ssl_key_file": layout.tls / KEY,
        "ssl_min_protocol_version": "TLSv1.2",
        "password_encryption": "scram-sha-256",
        "wal_level": "replica",
        "logging_collector": False,
        "log_destination": "stderr",
        "cluster_name": config.instance_id,
        # A statement that fails is not repeated in the log: it may hold a password.
        "log_min_error_statement": "panic",
        "log_parameter_max_length_on_error": 0,
    }


def host_rules() -> str:
    """Who may come in: the administrator from this machine only, everybody else with a password."""
    return (
        f"local  all  {ADMIN}  peer  map={AGENT_MAP}\n"
        "local  all  all  reject\n"
        f"host  all  {ADMIN}  all  reject\n"
        "host  all  all  0.0.0.0/0  scram-sha-256\n"
        "host  all  all  ::/0  scram-sha-256\n"
    )


def user_map(system_user: str) -> str:
    return f'{AGENT_MAP}  "{system_user}"  {ADMIN}\n'


def _section(title: str, values: Mapping[str, Any]) -> str:
    lines = "".join(f"{_checked_name(name)} = {_written(value)}\n" for name, value in values.items())
    return f"\n# {title}\n{lines}"


def _checked_name(name: str) -> str:
    # `include` and its relatives look like parameters and read files.
    if not _NAME.fullmatch(name) or name.lower().startswith("include"):
        raise GuestError(f"{name[:80]!r} is not the name of a parameter.", code="invalid_parameter")
    return name


def _written(value: Any) -> str:
    """In quotes, so that no value can begin a comment or another line."""
    text = ("on" if value else "off") if isinstance(value, bool) else str(value)
    if not text.isprintable():
        raise GuestError("A parameter's value must be one printable line.", code="invalid_parameter")
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"
