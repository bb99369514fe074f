import stat
from pathlib import Path

import pytest

from guestagent.errors import GuestError
from guestagent.modules.store import DRIVERS, ModuleStore
from guestagent.protocol.secret import Secret
from guestagent.protocol.types import MODULE_TYPES, ModuleSpec

ID = "0d9c2d4e-8e0c-4b43-8a51-1f0d4a5f9a01"


def ping(contents: str = "message=Hello there\n", **changes: str) -> ModuleSpec:
    return ModuleSpec(**{"id": ID, "type": "ping", "contents": Secret(contents), **changes})  # type: ignore[arg-type]


@pytest.fixture
def store(tmp_path: Path) -> ModuleStore:
    return ModuleStore(tmp_path / "modules")


def test_every_type_of_the_protocol_has_a_driver() -> None:
    assert set(DRIVERS) == set(MODULE_TYPES)


def test_ping_answers_with_its_message(store: ModuleStore, tmp_path: Path) -> None:
    for _ in range(2):  # a module that is applied again
        (result,) = store.apply([ping()])
        assert (result.id, result.message, result.error) == (ID, "Hello there", None)
    (path,) = (tmp_path / "modules").iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_one_that_fails_does_not_stop_the_others(store: ModuleStore) -> None:
    unknown, unfit, good = store.apply([ping(type="licence"), ping("no message"), ping()])
    assert unknown.error is not None
    assert "licence" in unknown.error
    assert unfit.error is not None
    assert good.error is None


@pytest.mark.parametrize("module_id", ["../../etc/passwd", "", "*"])
def test_ids_are_no_paths(store: ModuleStore, tmp_path: Path, module_id: str) -> None:
    (result,) = store.apply([ping(id=module_id)])
    assert result.error is not None
    with pytest.raises(GuestError):
        store.remove(module_id)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_remove_leaves_nothing_and_may_be_repeated(store: ModuleStore, tmp_path: Path) -> None:
    store.apply([ping()])
    store.remove(ID)
    store.remove(ID)
    assert not list((tmp_path / "modules").iterdir())
