"""Engines are found by their folders; the control plane gets facts without drivers."""

import subprocess
import sys

import pytest

from guestagent.engines import registry
from guestagent.engines.base import EngineManager


def test_every_engine_has_a_spec_of_its_name_and_a_manager() -> None:
    assert registry.names() == ("mariadb", "mysql", "postgresql")
    for name in registry.names():
        assert registry.load_spec(name).name == name
        assert issubclass(registry.load_manager(name), EngineManager)


def test_an_unknown_engine_is_refused_with_those_that_are_known() -> None:
    for load in (registry.load_spec, registry.load_manager, registry.find_versions):
        with pytest.raises(registry.UnknownEngine, match="mariadb, mysql, postgresql"):
            load("mysql_family")


def test_specs_do_not_load_drivers() -> None:
    """In a fresh interpreter: the control plane pays for no driver when it asks for facts."""
    program = (
        "import sys; from guestagent.engines import registry;"
        "[registry.load_spec(name) for name in registry.names()];"
        "sys.exit(bool({'pymysql', 'psycopg', 'cryptography'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False, timeout=60).returncode == 0


def test_versions_of_the_host_are_release_series() -> None:
    for name, versions in registry.host_versions().items():
        parts = registry.load_spec(name).version_parts
        assert versions
        assert all(len(version.split(".")) == parts for version in versions)


def test_mariadb_under_the_name_of_mysqld_is_not_mysql() -> None:
    announced = "mysqld  Ver 10.11.6-MariaDB-0+deb12u1 for debian-linux-gnu on x86_64 (Debian 12)"
    assert not registry.load_spec("mysql").announces.search(announced)
    assert registry.load_spec("mariadb").announces.search(announced)
    oracle = "/usr/sbin/mysqld  Ver 8.4.3 for Linux on x86_64 (MySQL Community Server - GPL)"
    assert registry.load_spec("mysql").announces.search(oracle)
    assert registry.load_spec("mysql").series_of("8.4.3") == "8.4"
