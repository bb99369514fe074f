from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datastores import parameters
from datastores.models import ConfigurationParameter
from dbaas.common.errors import Unprocessable
from tests.unit.datastores.graphs import make_version

KNOWN = [
    ConfigurationParameter(name="max_connections", data_type="integer", min_size="10", max_size="100000"),
    ConfigurationParameter(name="max_binlog_cache_size", data_type="integer", max_size=str(2**64 - 1)),
    ConfigurationParameter(
        name="autovacuum_vacuum_scale_factor", data_type="float", min_size="0", max_size="0.5"
    ),
    ConfigurationParameter(name="skip_name_resolve", data_type="boolean"),
    ConfigurationParameter(name="DateStyle", data_type="string"),
    ConfigurationParameter(name="binlog_format", data_type="string", enum_values=["ROW", "MIXED"]),
]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max_connections", 10),
        ("max_connections", 100000),
        ("max_binlog_cache_size", 2**64 - 1),
        ("autovacuum_vacuum_scale_factor", 0.5),
        ("autovacuum_vacuum_scale_factor", 0),
        ("skip_name_resolve", False),
        ("DateStyle", "ISO, DMY"),
        ("DateStyle", ""),
        ("binlog_format", "row"),
    ],
)
def test_value_that_fits_is_taken_as_it_is(name: str, value: Any) -> None:
    assert parameters.check(KNOWN, {name: value}) == {name: value}


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("max_connections", 9, "at least 10"),
        ("max_connections", 100001, "at most 100000"),
        ("max_connections", True, "an integer"),
        ("max_connections", "10", "an integer"),
        ("max_connections", 10.0, "an integer"),
        ("max_connections", None, "an integer"),
        ("max_binlog_cache_size", 2**64, "at most 18446744073709551615"),
        ("autovacuum_vacuum_scale_factor", 0.51, "at most 0.5"),
        ("autovacuum_vacuum_scale_factor", True, "a number"),
        ("autovacuum_vacuum_scale_factor", float("nan"), "a number"),
        ("autovacuum_vacuum_scale_factor", float("inf"), "a number"),
        ("skip_name_resolve", 1, "true or false"),
        ("skip_name_resolve", "ON", "true or false"),
        ("DateStyle", 1, "a string"),
        ("DateStyle", ["ISO"], "a string"),
        ("DateStyle", "ISO'\nshared_preload_libraries = 'x", "control characters"),
        ("DateStyle", "x" * 4097, "longer than 4096"),
        ("binlog_format", "STATEMENT", "one of ROW, MIXED"),
        ("plugin_dir", "/var", "no such parameter"),
        ("n" * 100_000, 1, "no such parameter"),
    ],
)
def test_value_that_does_not_fit_is_refused_with_the_reason(name: str, value: Any, said: str) -> None:
    with pytest.raises(Unprocessable, match=said) as refused:
        parameters.check(KNOWN, {name: value})
    assert len(refused.value.message) < 300


def test_names_are_known_in_any_case_and_come_back_in_their_own() -> None:
    assert parameters.check(KNOWN, {"datestyle": "ISO", "MAX_CONNECTIONS": 20}) == {
        "DateStyle": "ISO",
        "max_connections": 20,
    }


def test_name_given_twice_is_refused() -> None:
    with pytest.raises(Unprocessable, match="given twice"):
        parameters.check(KNOWN, {"datestyle": "ISO", "DateStyle": "SQL"})


def test_all_that_does_not_fit_is_told_at_once_without_the_values() -> None:
    with pytest.raises(Unprocessable) as refused:
        parameters.check(KNOWN, {"max_connections": "s3cret", "binlog_format": "s3cret", "nope": "s3cret"})
    assert refused.value.message.count(";") == 2
    assert "s3cret" not in refused.value.message


@pytest.mark.django_db
def test_version_without_parameters_takes_no_values() -> None:
    version = make_version()
    assert parameters.validate(version, {}) == {}
    with pytest.raises(Unprocessable, match="no configuration parameters"):
        parameters.validate(version, {"max_connections": 1})


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)
names = st.sampled_from([parameter.name for parameter in KNOWN]) | st.text()


@given(st.dictionaries(names, anything))
def test_whatever_is_given_is_either_taken_or_refused(values: dict[str, Any]) -> None:
    try:
        taken = parameters.check(KNOWN, values)
    except Unprocessable:
        return
    assert len(taken) == len(values)
