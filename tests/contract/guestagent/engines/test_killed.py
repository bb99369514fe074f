"""The agent is killed before each touch of a prepare: the next one completes it, and there is one server."""

import os
import signal
import sys
from pathlib import Path

import pytest

from guestagent.protocol.secret import Secret
from guestagent.protocol.types import DatabaseSpec, DatastoreStatus, UserSpec
from guestagent.system.processes import leaders_of
from tests.contract.guestagent.engines.guest import ENGINES, Guest, work_folder

#: What the interpreter announces before it does it; each changes something that stays.
TOUCHES = frozenset({"os.mkdir", "os.rename", "os.remove", "os.rmdir", "subprocess.Popen", "os.posix_spawn"})
MOST_TOUCHES = 200


def prepare_until_killed(guest: Guest, touches: int) -> bool:
    """In a process of its own; True when it was killed before its end."""
    child = os.fork()
    if child == 0:
        _die_before(touches)
        code = 1
        try:
            guest.manager().prepare({})
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) in (0, -signal.SIGKILL)
    return os.WIFSIGNALED(status)


def _die_before(touches: int) -> None:
    left = touches

    def count(event: str, _arguments: tuple[object, ...]) -> None:
        nonlocal left
        if event in TOUCHES:
            left -= 1
            if left < 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(count)


@pytest.mark.chaos
@pytest.mark.timeout(900)
@pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: engine[0])
def test_a_prepare_that_was_killed_anywhere_is_completed(engine: tuple[str, str], templates: Path) -> None:
    for touches in range(MOST_TOUCHES):
        with work_folder() as folder:
            (folder / "state").mkdir(mode=0o700)
            guest = Guest(*engine, folder=folder, templates=templates)
            try:
                was_killed = prepare_until_killed(guest, touches)
                _assert_completed_by_the_next(guest)
            finally:
                guest.manager().runtime.stop(timeout_seconds=0)
        if not was_killed:
            return
    pytest.fail(f"still not through after {MOST_TOUCHES} touches")


def _assert_completed_by_the_next(guest: Guest) -> None:
    manager = guest.manager()
    manager.prepare({})
    assert manager.probe().status == DatastoreStatus.HEALTHY
    manager.create_databases([DatabaseSpec(name="shop")])
    manager.create_users([UserSpec(name="ann", password=Secret("right"), databases=("shop",))])
    with guest.login("ann", "right", "shop") as ann:
        ann.run("CREATE TABLE t (a INT)")
    assert len(leaders_of(guest.folder / "state/engine/runtime/server.lock")) == 1
    assert not (guest.folder / "volume/data.partial").exists()


@pytest.mark.chaos
@pytest.mark.timeout(900)
@pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: engine[0])
def test_a_template_that_was_killed_anywhere_is_completed(engine: tuple[str, str]) -> None:
    """Templates are shared: a broken one would break every instance to come."""
    if engine[0] == "postgresql":
        pytest.skip("PostgreSQL keeps no template")
    with work_folder() as folder:
        for touches in range(0, MOST_TOUCHES, 3):
            (folder / str(touches)).mkdir()
            (folder / str(touches) / "state").mkdir(mode=0o700)
            templates = folder / str(touches) / "templates"
            guest = Guest(*engine, folder=folder / str(touches), templates=templates)
            try:
                was_killed = prepare_until_killed(guest, touches)
                _assert_completed_by_the_next(guest)
            finally:
                guest.manager().runtime.stop(timeout_seconds=0)
            assert [path.name for path in templates.iterdir() if path.name.endswith(".partial")] == []
            if not was_killed:
                return
    pytest.fail(f"still not through after {MOST_TOUCHES} touches")
