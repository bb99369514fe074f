"""Operates a MariaDB server."""

from guestagent.engines.mariadb.spec import SPEC
from guestagent.engines.mysql_family.dialect import MariaDB
from guestagent.engines.mysql_family.family import FamilyManager


class Manager(FamilyManager):
    spec = SPEC
    dialect = MariaDB()
