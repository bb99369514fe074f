"""Any name that the rules let through means itself to the server; any other does no harm."""

import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from guestagent.engines import registry
from guestagent.engines.mysql_family.sql import quote_name, quote_pattern
from guestagent.engines.server import ServerManager
from guestagent.errors import InvalidName
from guestagent.protocol.secret import Secret
from guestagent.protocol.types import DatabaseSpec, UserRef, UserSpec
from tests.contract.guestagent.engines.guest import Guest

FUZZ = settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
)
ODD = "`'\"\\%_;-# @?{}()$\n\t\0/*é漢💾aA0"
text = st.text(st.sampled_from(ODD) | st.characters(codec="utf-8"), max_size=70)


@FUZZ
@given(name=text)
def test_a_database_of_any_name_is_made_as_named_or_refused(
    guest: Guest, manager: ServerManager, name: str
) -> None:
    before = set(_databases(manager))
    spec = registry.load_spec(guest.engine)
    try:
        manager.create_databases([DatabaseSpec(name=name)])
    except InvalidName:
        assert set(_databases(manager)) == before
        return
    assert not spec.is_reserved_database(name)
    assert set(_databases(manager)) == before | {name}
    manager.delete_database(name)
    assert set(_databases(manager)) == before - {name}


@FUZZ
@given(name=text)
def test_a_user_of_any_name_is_made_as_named_or_refused(
    guest: Guest, manager: ServerManager, name: str
) -> None:
    before = _users(manager)
    try:
        manager.create_users([UserSpec(name=name, password=Secret(name + "x"))])
    except InvalidName:
        assert _users(manager) == before
        return
    except Exception as error:
        assert "zero byte" in str(error), error  # in the password, that is
        return
    assert _users(manager) == before | {name}
    manager.delete_user(UserRef(name=name))
    assert _users(manager) == before - {name}


@FUZZ
@given(
    name=st.text(
        st.sampled_from(ODD.replace("\0", ""))
        | st.characters(codec="utf-8", min_codepoint=1, max_codepoint=0xFFFF),
        min_size=1,
        max_size=60,
    )
)
def test_the_quoter_of_the_mysql_family_makes_one_identifier_of_anything(
    guest: Guest, manager: ServerManager, name: str
) -> None:
    """Also of what the rules refuse: they are not what keeps a statement whole."""
    if not guest.has_hosts:
        pytest.skip("PostgreSQL's names are quoted by its driver")
    from guestagent.engines.mysql_family.family import FamilyManager
    from guestagent.engines.mysql_family.sql import connect

    assert isinstance(manager, FamilyManager)
    quoted = quote_name(f"x{name}x")  # servers strip blanks at the ends
    with connect(manager._socket, manager._admin_password()) as session:
        rows = session.rows(f"SELECT a.{quoted} FROM (SELECT 42 AS {quoted}) a")
    assert rows == [(42,)]


@given(name=text)
def test_a_quoted_pattern_matches_only_itself(name: str) -> None:
    pattern = quote_pattern(name)
    assert pattern.startswith("`")
    assert pattern.endswith("`")
    inner = (pattern[1:-1] % ()).replace("``", "`")
    assert re.sub(r"\\(.)", r"\1", inner, flags=re.DOTALL) == name
    assert not re.search(r"(?<!\\)(?:\\\\)*[_%]", re.sub(r"\\[\\_%]", "", inner))


def _databases(manager: ServerManager) -> list[str]:
    return [item["name"] for item in manager.list_databases(None, None, False).items]


def _users(manager: ServerManager) -> set[str]:
    return {info.name for info in manager.list_users(None, None, False).items}
