"""Operates a MySQL server."""

from guestagent.engines.mysql.spec import SPEC
from guestagent.engines.mysql_family.dialect import MySQL
from guestagent.engines.mysql_family.family import FamilyManager


class Manager(FamilyManager):
    spec = SPEC
    dialect = MySQL()
