import multiprocessing
import os
from pathlib import Path

import pytest

from guestagent import config
from guestagent.protocol.guest_config import GuestConfig, encode_guest_config
from guestagent.protocol.secret import Secret

VALID = GuestConfig(
    instance_id="i",
    project_id="p",
    engine="mariadb",
    version="10.11",
    broker_url=Secret("amqp://u:hidden-one@h/v"),
    instance_key=Secret("hidden-two"),
    signing_key=Secret("hidden-three"),
    control_public_key="k",
    listen_address="127.79.0.1",
    memory_mb=256,
    data_path="/d",
    state_path="/s",
)


def written(tmp_path: Path, content: bytes, mode: int = 0o600) -> Path:
    path = tmp_path / "guest.json"
    path.touch(mode=0o600)
    path.write_bytes(content)
    path.chmod(mode)
    return path


def test_it_is_read_as_it_was_written(tmp_path: Path) -> None:
    assert config.load(written(tmp_path, encode_guest_config(VALID))) == VALID


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660])
def test_one_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    with pytest.raises(config.ConfigError, match="chmod 600"):
        config.load(written(tmp_path, encode_guest_config(VALID), mode))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_one_of_another_user_is_read_by_root_only_if_it_is_roots(tmp_path: Path) -> None:
    path = written(tmp_path, encode_guest_config(VALID))
    os.chown(path, 64001, 64001)
    with pytest.raises(config.ConfigError, match="belongs to another user"):
        config.load(path)


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"[1]", b"\xff\xfe", b'{"instance_id": 5, "x": "hidden-one"}']
)
def test_one_that_does_not_fit_is_refused_without_its_content(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(config.ConfigError) as caught:
        config.load(written(tmp_path, content))
    assert "hidden" not in str(caught.value)


def test_a_missing_one_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(config.ConfigError, match="nothing-here"):
        config.load(tmp_path / "nothing-here")


def _try_to_lock(path: Path) -> None:
    try:
        config.hold_lock(path, wait_seconds=0.1)
    except config.AlreadyRunning:
        os._exit(3)
    os._exit(0)


def _exit_code_of_second(path: Path) -> int | None:
    second = multiprocessing.get_context("fork").Process(target=_try_to_lock, args=(path,))
    second.start()
    second.join(20)
    return second.exitcode


def test_the_lock_is_for_one_process_and_comes_back(tmp_path: Path) -> None:
    held = config.hold_lock(tmp_path)
    assert _exit_code_of_second(tmp_path) == 3
    os.close(held)
    assert _exit_code_of_second(tmp_path) == 0
