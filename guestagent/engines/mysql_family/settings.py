"""my.cnf: sized by the flavor, then what the user overrides, then what nobody may."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from guestagent.engines.certificates import CERTIFICATE, KEY
from guestagent.engines.layout import Layout
from guestagent.engines.mysql_family.sizing import sized
from guestagent.errors import GuestError
from guestagent.protocol.guest_config import GuestConfig

_NAME = re.compile(r"[a-z][a-z0-9_.-]*")


def render(
    config: GuestConfig,
    layout: Layout,
    dialect_settings: Mapping[str, Any],
    overrides: Mapping[str, Any],
    port: int,
) -> str:
    """The whole file; later lines win. Raises GuestError for a value that can't be written."""
    return (
        "# Made by the guest agent at each start of the server; changes are lost.\n[mysqld]\n"
        + _section("sized by the flavor", {**sized(config.memory_mb), **dialect_settings})
        + _section("overrides of the user", overrides)
        + _section("not to be overridden", fixed(config, layout, port))
    )


def fixed(config: GuestConfig, layout: Layout, port: int) -> dict[str, Any]:
    return {
        "datadir": layout.data,
        "socket": socket_of(layout),
        "pid_file": layout.run / "server.pid",
        "bind_address": config.listen_address,
        "port": port,
        "skip_name_resolve": "ON",
        "init_file": layout.config / "init.sql",
        "ssl_cert": layout.tls / CERTIFICATE,
        "ssl_key": layout.tls / KEY,
        "tls_version": "TLSv1.2,TLSv1.3",
        "local_infile": "OFF",
        "secure_file_priv": layout.files,
        "tmpdir": layout.temporary,
        "symbolic_links": "OFF",
    }


def socket_of(layout: Layout) -> Path:
    return layout.run / "sock"


def _section(title: str, values: Mapping[str, Any]) -> str:
    lines = "".join(f"{_checked_name(name)} = {_written(value)}\n" for name, value in values.items())
    return f"\n# {title}\n{lines}"


def _checked_name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise GuestError(f"{name[:80]!r} is not the name of a parameter.", code="invalid_parameter")
    return name


def _written(value: Any) -> str:
    """In quotes, so that no value can begin a comment or another line."""
    if isinstance(value, bool):
        return "ON" if value else "OFF"
    if isinstance(value, int | float):
        return str(value)
    text = str(value)
    if not text.isprintable():
        raise GuestError("A parameter's value must be one printable line.", code="invalid_parameter")
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
