"""Operates a MySQL server."""

from guestagent.engines.mysql_family.dialect import MySQL
from guestagent.engines.mysql_family.family import FamilyManager
from guestagent.engines.mysql.spec import SPEC


class Manager(FamilyManager):
    spec = SPEC
    dialect = MySQL()
