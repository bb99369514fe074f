import os
from pathlib import Path

from guestagent.volume import Volume, grow_file_system


def test_a_folder_is_counted_with_what_lies_in_it(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    for name in ("x", "a/y", "a/b/z"):
        (tmp_path / name).write_bytes(os.urandom(100_000))
    (tmp_path / "loop").symlink_to(tmp_path)
    use = Volume(tmp_path).use()
    assert use is not None
    assert 300_000 <= use.used_bytes < 400_000
    assert use.total_bytes is None


def test_a_folder_that_is_not_there_is_empty(tmp_path: Path) -> None:
    use = Volume(tmp_path / "missing").use()
    assert use is not None
    assert use.used_bytes == 0


def test_a_file_system_of_its_own_tells_its_size() -> None:
    use = Volume(Path("/proc")).use()
    assert use is not None
    assert use.total_bytes is not None


def test_a_folder_needs_no_growing(tmp_path: Path) -> None:
    grow_file_system(tmp_path)
    grow_file_system(tmp_path / "missing")
