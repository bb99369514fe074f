"""Programs are found by asking them."""

from pathlib import Path

import pytest

from guestagent.system.programs import find, find_beside, is_version, version_key


def install(folder: Path, name: str, says: str, code: int = 0) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / name
    program.write_text(f"#!/bin/sh\necho '{says}'\nexit {code}\n")
    program.chmod(0o755)
    return program


def test_newest_first_whatever_the_folder(tmp_path: Path) -> None:
    for version in ("9.6.24", "15.4", "10.23"):
        install(
            tmp_path / version / "bin", "postgres", f"postgres (PostgreSQL) {version} (Debian {version}-1)"
        )
    found = find("postgres", folders=(f"{tmp_path}/*/bin",))
    assert [program.version for program in found] == ["15.4", "10.23", "9.6.24"]
    assert found[0].path == tmp_path / "15.4/bin/postgres"
    assert "PostgreSQL" in found[0].vendor


def test_what_tells_no_version_is_no_program(tmp_path: Path) -> None:
    install(tmp_path / "a", "postgres", "hello")
    install(tmp_path / "b", "postgres", "postgres 15.4", code=1)
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "postgres").write_text("not executable")
    assert find("postgres", folders=(f"{tmp_path}/*",)) == []


def test_one_program_under_two_names_is_one(tmp_path: Path) -> None:
    program = install(tmp_path / "a", "mariadbd", "mariadbd Ver 10.11.6-MariaDB")
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "mariadbd").symlink_to(program)
    assert len(find("mariadbd", folders=(f"{tmp_path}/*",))) == 1


def test_an_upgrade_of_the_host_is_noticed(tmp_path: Path) -> None:
    program = install(tmp_path, "mariadbd", "mariadbd Ver 10.11.6-MariaDB")
    assert find("mariadbd", folders=(str(tmp_path),))[0].version == "10.11.6"
    install(tmp_path, "mariadbd", "mariadbd Ver 10.11.8-MariaDB")
    assert find("mariadbd", folders=(str(tmp_path),))[0].version == "10.11.8"
    program.unlink()
    assert find("mariadbd", folders=(str(tmp_path),)) == []


def test_tools_are_taken_from_the_servers_own_installation(tmp_path: Path) -> None:
    server = install(tmp_path / "sbin", "mariadbd", "x")
    tool = install(tmp_path / "bin", "mariadb-install-db", "x")
    assert find_beside(server, "mariadb-install-db") == tool
    assert find_beside(server, "initdb") is None


@pytest.mark.parametrize(
    ("version", "wanted", "expected"),
    [("10.11.6", "10.11", True), ("10.11.6", "10.1", False), ("15.4", "15", True), ("15.4", "15.4", True)],
)
def test_versions_and_their_series(version: str, wanted: str, *, expected: bool) -> None:
    assert is_version(version, wanted) == expected
    assert version_key("10.11.6") > version_key("10.9.12")
