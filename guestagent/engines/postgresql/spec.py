"""Facts about PostgreSQL."""

import re

from guestagent.engines.base import EngineSpec
from guestagent.engines.names import PRINTABLE_USER_NAME
from guestagent.engines.postgresql import sizing

SPEC = EngineSpec(
    name="postgresql",
    family="postgresql",
    tcp_ports=(5432,),
    server_program="postgres",
    announces=re.compile(r"PostgreSQL"),
    version_parts=1,
    reserved_users=frozenset({"os_admin", "postgres", "root", "public", "none"}),
    reserved_databases=frozenset({"os_admin", "postgres", "template0", "template1"}),
    user_name=PRINTABLE_USER_NAME,
    database_name=PRINTABLE_USER_NAME,
    max_user_name_length=63,
    max_database_name_length=63,
    names_are_counted_in_bytes=True,
    users_have_hosts=False,
    root_user="root",
    sized=sizing.sized,
    reserved_user_prefixes=("pg_", "os_owner_"),
)
