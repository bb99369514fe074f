"""Which names and hosts are taken, by the contract's rules."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guestagent.engines import registry
from guestagent.engines.names import check_host
from guestagent.errors import GuestError, InvalidName
from guestagent.protocol.types import UserRef


@pytest.mark.parametrize(
    "host",
    [
        "%",
        "10.1.2.3",
        "10.1.%",
        "10.%",
        "1%",
        "10.1.2.0/24",
        "10.1.0.0/255.255.0.0",
        "::1",
        "fe80::%",
        "2001:db8::/32",
    ],
)
def test_addresses_networks_and_wildcards_are_hosts(host: str) -> None:
    check_host(host)


@pytest.mark.parametrize(
    "host",
    [
        "",
        "localhost",
        "db.example.org",
        "%%",
        "10.1.2.3.%",
        "10.1.2.300",
        "300.%.1",
        "a'b",
        "10.1.2.3/40",
        "%.example",
    ],
)
def test_anything_else_is_refused(host: str) -> None:
    with pytest.raises(InvalidName):
        check_host(host)


@pytest.mark.parametrize("engine", registry.names())
def test_limits_of_length(engine: str) -> None:
    spec = registry.load_spec(engine)
    spec.check_database_name("d" * spec.max_database_name_length)
    spec.check_user(UserRef(name="u" * spec.max_user_name_length))
    with pytest.raises(InvalidName, match="longer"):
        spec.check_database_name("d" * (spec.max_database_name_length + 1))
    with pytest.raises(InvalidName, match="longer"):
        spec.check_user(UserRef(name="u" * (spec.max_user_name_length + 1)))


def test_postgresql_counts_bytes() -> None:
    spec = registry.load_spec("postgresql")
    spec.check_database_name("ü" * 31)
    with pytest.raises(InvalidName, match="longer"):
        spec.check_database_name("ü" * 32)


@pytest.mark.parametrize("engine", ["mariadb", "mysql"])
def test_the_mysql_family_takes_no_character_that_it_cannot_keep(engine: str) -> None:
    with pytest.raises(InvalidName):
        registry.load_spec(engine).check_user(UserRef(name="a💾"))


@pytest.mark.parametrize("name", ["pg_read_all_data", "PG_x", "os_owner_12", "Postgres", "os_admin", "root"])
def test_postgresql_keeps_names_for_itself(name: str) -> None:
    with pytest.raises(InvalidName, match="reserved"):
        registry.load_spec("postgresql").check_user(UserRef(name=name))


def test_the_mysql_family_does_not_keep_names_of_postgresql() -> None:
    registry.load_spec("mariadb").check_user(UserRef(name="pg_user"))


@pytest.mark.parametrize("engine", registry.names())
@given(name=st.text(max_size=80))
def test_no_text_breaks_the_checks(engine: str, name: str) -> None:
    spec = registry.load_spec(engine)
    for check in (spec.check_database_name, lambda text: spec.check_user(UserRef(name=text, host=text))):
        try:
            check(name)
        except GuestError as error:
            assert error.code == "invalid_name"
