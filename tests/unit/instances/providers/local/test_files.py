import os
import time
from pathlib import Path

import pytest

from instances.providers.base import Transient
from instances.providers.local import files


def test_a_file_is_replaced_whole_and_private(tmp_path: Path) -> None:
    path = tmp_path / "file"
    files.write_atomically(path, b"one")
    files.write_atomically(path, b"two")
    assert path.read_bytes() == b"two"
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_a_new_file_must_be_new(tmp_path: Path) -> None:
    files.write_new(tmp_path / "file", b"one")
    with pytest.raises(FileExistsError):
        files.write_new(tmp_path / "file", b"two")


def test_a_held_lock_is_waited_for_and_then_given_up(tmp_path: Path) -> None:
    with (
        files.locked(tmp_path / "lock"),
        pytest.raises(Transient, match="held"),
        files.locked(tmp_path / "lock", wait_seconds=0.05),
    ):
        pass
    with files.locked(tmp_path / "lock", wait_seconds=0):
        pass


def test_the_holder_of_a_lock_is_known_until_it_dies(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    assert files.lock_holder(path) is None
    ready, told = os.pipe()
    child = os.fork()
    if not child:
        os.write(told, b"1" if files.hold(path) is not None else b"0")
        time.sleep(60)
        os._exit(0)
    assert os.read(ready, 1) == b"1"
    assert files.lock_holder(path) == child
    assert files.hold(path) is None
    os.kill(child, 9)
    os.waitpid(child, 0)
    assert files.lock_holder(path) is None
    os.close(ready)
    os.close(told)


def test_a_tree_is_removed_but_not_what_its_links_lead_to(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "keep").touch()
    tree = tmp_path / "tree"
    (tree / "deep" / "er").mkdir(parents=True)
    (tree / "deep" / "file").touch()
    (tree / "link").symlink_to(outside)
    (tree / "deep" / "link").symlink_to(outside / "keep")
    assert files.remove_tree(tree, time.monotonic() + 60)
    assert not tree.exists()
    assert (outside / "keep").exists()


def test_removing_stops_at_the_deadline_and_goes_on_later(tmp_path: Path) -> None:
    for number in range(5):
        (tmp_path / "tree" / str(number)).mkdir(parents=True)
    assert not files.remove_tree(tmp_path / "tree", time.monotonic() - 1)
    assert files.remove_tree(tmp_path / "tree", time.monotonic() + 60)
