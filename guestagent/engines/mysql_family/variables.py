"""The global variables of a running MariaDB or MySQL server."""

from typing import Any, Final

import pymysql
from pymysql.constants import ER

from guestagent.engines.mysql_family.sql import Session, quote_name
from guestagent.errors import ConfigurationRefused

#: The variable is read-only, or has no global value: its value in the file counts from the next start on.
_STATIC: Final = frozenset({ER.INCORRECT_GLOBAL_LOCAL_VAR, ER.LOCAL_VARIABLE})
#: With these it is the connection that broke; with others, the server said no.
_CONNECTION: Final = frozenset({*range(2000, 3000), ER.SERVER_SHUTDOWN})
_ON: Final = frozenset({"1", "on", "true", "yes"})
_OFF: Final = frozenset({"0", "off", "false", "no"})


class Variables:
    def __init__(self, session: Session) -> None:
        self._session = session

    def change(self, name: str, value: Any) -> bool:
        """Set it (None: the server's default) and read it back; False when that takes a restart.

        Raises ConfigurationRefused for a value that the server does not take, or makes another one of.
        """
        try:
            before = self._read(name)
            self._set(name, value)
            found = self._read(name)
        except pymysql.Error as error:
            number = error.args[0] if error.args else 0
            if number in _STATIC:
                return False
            if number in _CONNECTION:
                raise
            raise ConfigurationRefused(f"{name}: the server refused the value ({number}).") from None
        if value is not None and not is_taken(value, found, before):
            raise ConfigurationRefused(f"{name}: the server made another value of it: {found!s:.80}.")
        return True

    def _read(self, name: str) -> Any:
        return self._session.rows(f"SELECT @@GLOBAL.{quote_name(name)}")[0][0]

    def _set(self, name: str, value: Any) -> None:
        if value is None:
            self._session.execute(f"SET GLOBAL {quote_name(name)} = DEFAULT")
        else:
            self._session.execute(f"SET GLOBAL {quote_name(name)} = %s", value)


def is_taken(wanted: Any, found: Any, before: Any) -> bool:
    """Whether the server, which had `before` and now shows `found`, has taken `wanted`."""
    if isinstance(wanted, bool):
        return str(found).lower() in (_ON if wanted else _OFF)
    if isinstance(wanted, int | float):
        try:
            return abs(float(found) - float(wanted)) <= 1e-6 * max(1.0, abs(float(wanted)))
        except (TypeError, ValueError):
            return False
    spelt, shown = str(wanted).lower(), str(found).lower()
    if spelt == shown or ({spelt, shown} <= _ON or {spelt, shown} <= _OFF):
        return True
    # Sets and switches show all their members; other texts the server may spell in its own way ("utf8").
    return set(spelt.split(",")) <= set(shown.split(",")) or found != before
