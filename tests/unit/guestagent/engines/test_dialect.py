"""Where MySQL differs from MariaDB. No MySQL server is to be had here: these are its only tests."""

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guestagent.engines.mysql_family.dialect import MariaDB, MySQL
from guestagent.engines.mysql_family.sha_crypt import sha256_crypt
from guestagent.protocol.secret import Secret


def test_mariadb_hashes_as_its_own_password_function() -> None:
    # SELECT PASSWORD('password')
    assert MariaDB().hash_password(Secret("password")) == "*2470C0C06DEE42FD1618BB99005ADCA2EC9D1E19"


def test_mysql_hashes_as_a_real_server_did() -> None:
    """A published hash of caching_sha2_password, for the password "hashcat"."""
    salt = bytes.fromhex("F9CC98CE08892924F50A213B6BC571A2C11778C5")
    digest = bytes.fromhex(
        "625479393559393965414D45316477456B484F41316E64484742577A2E3162785353526B7554584647562F"
    )
    assert sha256_crypt(b"hashcat", salt, 5000).encode() == digest


def test_sha_crypt_as_crypt3_of_the_system_has_it() -> None:
    digest = "5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5"
    assert sha256_crypt(b"Hello world!", b"saltstring", 5000) == digest


@settings(max_examples=15, deadline=None)
@given(password=st.text(min_size=1, max_size=70), other=st.text(max_size=70))
def test_a_hash_is_known_again_and_no_other_passes(password: str, other: str) -> None:
    for dialect in (MariaDB(), MySQL()):
        stored = dialect.hash_password(Secret(password))
        assert password not in stored or len(password) < 4
        assert "'" not in stored
        assert "\\" not in stored
        assert dialect.is_password(stored, Secret(password))
        assert dialect.is_password(stored, Secret(other)) == (password == other)


def test_mysqls_hash_has_the_form_that_the_server_reads() -> None:
    stored = MySQL().hash_password(Secret("x"))
    assert re.fullmatch(r"\$A\$005\$[./0-9A-Za-z]{63}", stored)
    assert stored != MySQL().hash_password(Secret("x"))


@pytest.mark.parametrize(
    "stored", ["", "*2470C0C06DEE42FD1618BB99005ADCA2EC9D1E19", "$A$005$short", "é" * 70]
)
def test_what_is_no_hash_of_ours_is_no_match(stored: str) -> None:
    assert not MySQL().is_password(stored, Secret("password"))


def test_mysql_initialises_itself_and_drops_its_root() -> None:
    command = MySQL().initialise_command(Path("/usr/sbin/mysqld"), None, Path("/d"), Path("/s.sql"))
    assert command[:3] == ["/usr/sbin/mysqld", "--no-defaults", "--initialize-insecure"]
    assert "--init-file=/s.sql" in command
    assert "--datadir=/d" in command
