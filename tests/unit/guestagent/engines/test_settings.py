"""Configuration files: sized by the flavor, and closed to what an override might try."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guestagent.engines.certificates import make_certificate
from guestagent.engines.mysql_family import settings as family
from guestagent.engines.postgresql import settings as postgresql
from guestagent.errors import GuestError


@pytest.mark.parametrize("name", ["", "A b", "a=b", "a\nb", "[mysqld]", "#x", "a;b", "!includedir"])
def test_names_that_are_none_are_refused(name: str) -> None:
    for module in (family, postgresql):
        with pytest.raises(GuestError) as refused:
            module._checked_name(name)
        assert refused.value.code == "invalid_parameter"


@pytest.mark.parametrize("name", ["include", "include_dir", "INCLUDE_IF_EXISTS"])
def test_postgresql_includes_no_other_files(name: str) -> None:
    with pytest.raises(GuestError):
        postgresql._checked_name(name)


@given(value=st.text())
def test_a_value_stays_one_quoted_word_or_is_refused(value: str) -> None:
    for module, quote in ((family, '"'), (postgresql, "'")):
        try:
            written = module._written(value)
        except GuestError as error:
            assert value not in str(error) or len(value) < 3
            continue
        assert "\n" not in written
        assert written[0] == written[-1] == quote
        inner = written[1:-1].replace("\\\\", "").replace(f"\\{quote}", "").replace("''", "")
        assert quote not in inner
        assert "\\" not in inner


@pytest.mark.parametrize(("value", "expected"), [(True, ("ON", "on")), (False, ("OFF", "off"))])
def test_booleans(value: Any, expected: tuple[str, str]) -> None:
    assert family._written(value) == expected[0]
    assert postgresql._written(value).strip("'") == expected[1]


def test_certificates_are_for_the_address(tmp_path: Path) -> None:
    from cryptography import x509

    _, pem = make_certificate("127.78.0.1")
    certificate = x509.load_pem_x509_certificate(pem.encode())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [str(name.value) for name in names] == ["127.78.0.1"]
