"""Trees on disk."""

import errno
import os
from pathlib import Path

import pytest

from guestagent.system.files import sync_tree


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for number in range(40):
        folder = tmp_path / f"folder{number % 3}"
        folder.mkdir(exist_ok=True)
        (folder / f"file{number}").write_text("content")
    (tmp_path / "link").symlink_to("/nowhere")
    return tmp_path


def _path(handle: int) -> Path:
    return Path(f"/proc/self/fd/{handle}").readlink()


def test_a_tree_is_synced_to_the_last_folder(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[str] = []
    monkeypatch.setattr(os, "fsync", lambda handle: synced.append(str(_path(handle))))

    sync_tree(tree)

    expected = {tree, *(path for path in tree.rglob("*") if not path.is_symlink())}
    assert sorted(synced) == sorted(map(str, expected))


def test_a_file_that_cannot_be_synced_is_not_passed_over(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fsync(handle: int) -> None:
        if _path(handle).name == "file17":
            raise OSError(errno.ENOSPC, "no space")

    monkeypatch.setattr(os, "fsync", fsync)

    with pytest.raises(OSError, match="no space"):
        sync_tree(tree)
