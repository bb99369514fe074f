"""Facts that the specs of MariaDB and MySQL share."""

import re

from guestagent.engines.names import PRINTABLE_USER_NAME

#: The servers keep names in three-byte UTF-8, and a question mark of whatever does not fit.
USER_NAME = re.compile(rf"(?!.*[\U00010000-\U0010ffff]){PRINTABLE_USER_NAME.pattern}")
#: Letters, digits, `_` and `-`; inside also blank, `?`, `#` and `@`.
DATABASE_NAME = re.compile(r"[A-Za-z0-9_-](?:[A-Za-z0-9_ ?#@-]*[A-Za-z0-9_-])?")
RESERVED_USERS = frozenset(
    {"os_admin", "root", "mysql", "mariadb.sys", "mysql.sys", "mysql.session", "mysql.infoschema", "public"}
)
RESERVED_DATABASES = frozenset({"mysql", "information_schema", "performance_schema", "sys"})
#: The engines take longer ones (80 and 32); Trove's clients expect this limit.
MAX_USER_NAME_LENGTH = 16
MAX_DATABASE_NAME_LENGTH = 64
