"""Where MariaDB and MySQL differ."""

import abc
import hashlib
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from guestagent.engines.mysql_family.sha_crypt import sha256_crypt
from guestagent.protocol.secret import Secret

_SALT_CHARACTERS = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#: Accounts that come with a server and cannot log in; everything else goes when a data directory is made.
SYSTEM_ACCOUNTS = ("mariadb.sys", "mysql.sys", "mysql.session", "mysql.infoschema")


class Dialect(abc.ABC):
    #: SQL with one placeholder for what `hash_password` gives: the server never sees a password.
    identified_by: str
    #: Accounts that are not roles: User, Host, authentication_string.
    accounts: str
    settings: Mapping[str, Any]
    #: Brings system tables to the server's version; None where the server does that by itself.
    upgrade_tool: str | None = None

    @abc.abstractmethod
    def hash_password(self, password: Secret) -> str: ...

    @abc.abstractmethod
    def is_password(self, stored: str, password: Secret) -> bool:
        """Whether the account's `authentication_string` was made from this password."""

    @abc.abstractmethod
    def initialise_command(self, server: Path, installer: Path | None, folder: Path, sql: Path) -> list[str]:
        """Fill an empty `folder` as the user who calls; `sql` is a file that may be run on the way."""


class MariaDB(Dialect):
    identified_by = "IDENTIFIED BY PASSWORD %s"
    accounts = "SELECT User, Host, authentication_string FROM mysql.user WHERE is_role = 'N'"
    settings = {"performance_schema": "OFF"}
    upgrade_tool = "mariadb-upgrade"

    def hash_password(self, password: Secret) -> str:
        inner = hashlib.sha1(password.reveal().encode()).digest()  # noqa: S324 - mysql_native_password is that
        return "*" + hashlib.sha1(inner).hexdigest().upper()  # noqa: S324

    def is_password(self, stored: str, password: Secret) -> bool:
        return secrets.compare_digest(stored, self.hash_password(password))

    def initialise_command(self, server: Path, installer: Path | None, folder: Path, sql: Path) -> list[str]:
        return [
            str(installer), "--no-defaults", f"--datadir={folder}", "--skip-test-db", "--skip-name-resolve",
            "--auth-root-authentication-method=normal",
        ]  # fmt: skip


class MySQL(Dialect):
    identified_by = "IDENTIFIED WITH caching_sha2_password AS %s"
    accounts = "SELECT User, Host, CAST(authentication_string AS CHAR) FROM mysql.user"
    settings = {"mysqlx": "OFF"}
    _rounds = 5000
    _prefix = "$A$005$"  # the rounds in thousands, hexadecimal

    def hash_password(self, password: Secret) -> str:
        salt = "".join(secrets.choice(_SALT_CHARACTERS) for _ in range(20))
        return self._hash(password, salt)

    def is_password(self, stored: str, password: Secret) -> bool:
        if not stored.startswith(self._prefix) or len(stored) != len(self._prefix) + 63:
            return False
        salt = stored[len(self._prefix) :][:20]
        return secrets.compare_digest(stored.encode(), self._hash(password, salt).encode())

    def initialise_command(self, server: Path, installer: Path | None, folder: Path, sql: Path) -> list[str]:
        return [
            str(server),
            "--no-defaults",
            "--initialize-insecure",
            f"--datadir={folder}",
            f"--init-file={sql}",
        ]

    def _hash(self, password: Secret, salt: str) -> str:
        return self._prefix + salt + sha256_crypt(password.reveal().encode(), salt.encode(), self._rounds)
