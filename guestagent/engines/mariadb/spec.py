"""Facts about MariaDB."""

import re

from guestagent.engines.base import EngineSpec
from guestagent.engines.mysql_family import sizing, spec_parts

SPEC = EngineSpec(
    name="mariadb",
    family="mysql",
    tcp_ports=(3306,),
    server_program="mariadbd",
    announces=re.compile(r"MariaDB"),
    version_parts=2,
    reserved_users=spec_parts.RESERVED_USERS,
    reserved_databases=spec_parts.RESERVED_DATABASES,
    user_name=spec_parts.USER_NAME,
    database_name=spec_parts.DATABASE_NAME,
    max_user_name_length=spec_parts.MAX_USER_NAME_LENGTH,
    max_database_name_length=spec_parts.MAX_DATABASE_NAME_LENGTH,
    names_are_counted_in_bytes=False,
    users_have_hosts=True,
    root_user="root",
    sized=sizing.sized,
)
