"""Verifiers are made by the driver; whether a password is the one behind them is ours to tell."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg import pq

from guestagent.engines.postgresql.passwords import is_password
from guestagent.protocol.secret import Secret


def verifier(password: str) -> str:
    connection = pq.PGconn.connect_start(b"host=127.0.0.1 port=1")
    return connection.encrypt_password(password.encode(), b"any", b"scram-sha-256").decode()


@settings(max_examples=25, deadline=None)
@given(password=st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1), other=st.text())
def test_known_again(password: str, other: str) -> None:
    stored = verifier(password)
    assert is_password(stored, Secret(password))
    assert is_password(stored, Secret(other)) <= (password == other)


@pytest.mark.parametrize("stored", [None, "", "md5abc", "SCRAM-SHA-256$x", "SCRAM-SHA-256$1:a$b:c"])
def test_what_is_no_verifier_is_no_match(stored: str | None) -> None:
    assert not is_password(stored, Secret("x"))
