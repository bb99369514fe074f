"""Have a running PostgreSQL server read its configuration file again, and see what it made of it."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from guestagent.engines.postgresql.sql import Session, connect
from guestagent.errors import ConfigurationRefused, EngineTimeout

RELOAD_TIMEOUT_SECONDS: Final = 15.0
POLL_SECONDS: Final = 0.025


def apply(socket_folder: Path, wanted: Mapping[str, Any]) -> set[str]:
    """The parameters that wait for a restart. Raises ConfigurationRefused for a value in the file that the
    server does not take, before anything of the file is used."""
    with connect(socket_folder) as session:
        _check_file(session)
        loaded_at = session.rows("SELECT pg_conf_load_time()")[0][0]
        session.rows("SELECT pg_reload_conf()")
    deadline = time.monotonic() + RELOAD_TIMEOUT_SECONDS
    while True:
        with connect(socket_folder) as session:  # a session of before might read the file later than others
            if session.rows("SELECT pg_conf_load_time()")[0][0] > loaded_at:
                waiting = _waiting(session)
                _verify(session, {name: value for name, value in wanted.items() if name not in waiting})
                return waiting
        if time.monotonic() >= deadline:
            raise EngineTimeout("The database server did not read its configuration again in time.")
        time.sleep(POLL_SECONDS)


def _check_file(session: Session) -> None:
    """As the server reads the file, it also notes which parameters would have to wait."""
    bad = session.rows("SELECT name, error FROM pg_file_settings WHERE error IS NOT NULL")
    waiting = _waiting(session)
    refused = sorted(str(name or said) for name, said in bad if name not in waiting)
    if refused:
        raise ConfigurationRefused(f"{', '.join(refused)}: the server refuses the value.")


def _waiting(session: Session) -> set[str]:
    session.rows("SELECT 1 FROM pg_file_settings")
    return {name for (name,) in session.rows("SELECT name FROM pg_settings WHERE pending_restart")}


def _verify(session: Session, wanted: Mapping[str, Any]) -> None:
    shown = {
        name.lower(): (setting, source)
        for name, setting, source in session.rows(
            "SELECT name, reset_val, source FROM pg_settings WHERE lower(name) = ANY(%s)",
            [name.lower() for name in wanted],
        )
    }
    for name, value in wanted.items():
        setting, source = shown.get(name.lower(), (None, None))
        if source != "configuration file" or not _is_taken(value, str(setting)):
            raise ConfigurationRefused(f"{name}: the server made another value of it: {setting!s:.80}.")


def _is_taken(wanted: Any, setting: str) -> bool:
    if isinstance(wanted, bool):
        return setting in ({"on", "1"} if wanted else {"off", "0"})
    if isinstance(wanted, int | float):
        try:
            # File modes are shown as octal numbers.
            number = int(setting, 8) if setting.startswith("0") and setting.isdigit() else float(setting)
        except ValueError:
            return False
        return abs(number - wanted) <= 1e-6 * max(1.0, abs(wanted))
    # A text may be spelt in another way by the server, and sizes may have been written with a unit.
    return True
