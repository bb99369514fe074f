import json
from pathlib import Path
from typing import Any

import pytest

from datastores import definitions
from datastores.definitions import ParameterDefinition
from dbaas.common.errors import BadRequest


def write(path: Path, *items: Any) -> Path:
    path.write_text(json.dumps({"configuration-parameters": items}))
    return path


def test_file_is_read_with_all_its_keys(tmp_path: Path) -> None:
    file = write(
        tmp_path / "rules.json",
        {"name": "a", "type": "integer", "restart_required": True, "min": 0, "max": 2**64 - 1, "default": 5},
        {"name": "b", "type": "string", "enum": ["ON", "OFF"], "description": "What it does."},
        {"name": "c", "type": "boolean", "default": False},
    )
    assert definitions.read_file(file) == [
        ParameterDefinition(
            "a", "integer", True, min_size="0", max_size="18446744073709551615", default_value="5"
        ),
        ParameterDefinition("b", "string", enum_values=("ON", "OFF"), description="What it does."),
        ParameterDefinition("c", "boolean", default_value="false"),
    ]


def test_fractions_keep_their_spelling(tmp_path: Path) -> None:
    file = tmp_path / "rules.json"
    file.write_text(
        '{"configuration-parameters": [{"name": "a", "type": "float", "max": 0.10000000000000000001}]}'
    )
    assert definitions.read_file(file)[0].max_size == "0.10000000000000000001"


def test_file_written_for_trove_is_read(tmp_path: Path) -> None:
    file = write(
        tmp_path / "rules.json",
        {"name": "a", "restart_required": 1, "data_type": "integer", "min_size": "1", "max_size": "2"},
    )
    assert definitions.read_file(file) == [ParameterDefinition("a", "integer", True, "1", "2")]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"\xff\xfe", "not UTF-8"),
        (b"[]", "an object with a list"),
        (b'{"configuration-parameters": {}}', "an object with a list"),
        (b'{"configuration-parameters": [1]}', "parameter 1"),
        (b'{"configuration-parameters": [{"type": "integer"}]}', "parameter 1"),
        (b'{"configuration-parameters": [{"name": "a", "restart_required": "yes"}]}', "a: restart_required"),
        (b'{"configuration-parameters": [{"name": "a", "enum": [1]}]}', "a: enum"),
        (b'{"configuration-parameters": [{"name": "a"}, {"name": "A"}]}', "A: is defined twice"),
    ],
)
def test_file_that_is_wrong_is_refused_with_its_path_and_the_reason(
    tmp_path: Path, content: bytes, said: str
) -> None:
    file = tmp_path / "rules.json"
    file.write_bytes(content)
    with pytest.raises(BadRequest, match=said) as refused:
        definitions.read_file(file)
    assert refused.value.message.startswith(str(file))


def test_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match="No such file"):
        definitions.read_file(tmp_path / "nowhere.json")
