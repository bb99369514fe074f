"""Messages that come twice, too late, or after later ones. One by one they are in test_kills."""

import secrets

import pytest

from tests.chaos.bench import Bench, bench
from tests.chaos.conftest import Rack
from tests.chaos.gatekeeper import GO_ON, Trap, Word
from tests.chaos.harms import is_message
from tests.chaos.probes.gate import LATE, TWICE
from tests.chaos.scenarios import SCENARIOS
from tests.chaos.tenant import Tenant, unique

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(300)]
_TIMEOUT_SECONDS = 10.0


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_message_twice(rack: Rack, scenario: str) -> None:
    running = rack.bench()
    running.settle()
    attempt = SCENARIOS[scenario](running, rack.tenant())
    running.keeper.always = lambda point: (TWICE, 0.0) if is_message(point) else GO_ON
    try:
        with running.keeper.trap(*attempt.also):
            ended = running.end_of(attempt.ask())
        assert ended["state"] == attempt.ends, ended
        attempt.check()
    finally:
        running.keeper.always = lambda _: GO_ON


def test_a_command_that_comes_after_its_time_is_not_done() -> None:
    """The user was told that it failed; it must not happen afterwards."""
    with bench(AGENT_CALL_HIGH_TIMEOUT=str(_TIMEOUT_SECONDS)) as running:
        tenant = Tenant(running, "mariadb")
        kept = tenant.instance()
        name, password = unique("user"), secrets.token_urlsafe(12)
        held_back = Trap(
            "taskmanager/create_users.forward.create_users/send_to_guest/before",
            lambda: (LATE, _TIMEOUT_SECONDS + 5),
        )
        refused = Trap("guest/create_users/note_outcome/after", lambda: GO_ON)
        with running.keeper.trap(held_back, refused):
            ended = running.end_of(_ask_for_user(running, kept.id, name, password))
            assert (ended["state"], ended["error"]["code"]) == ("failed", "guest_silent")
            refused.wait(60)
        assert kept.users().count(name) == 0
        kept.login(name, password).check_refused()
        tenant.leave()


def test_changes_of_one_instance_keep_their_order_when_the_first_message_is_late(rack: Rack) -> None:
    """Created, then deleted: whatever the messages do, it is gone in the end."""
    running, kept = rack.bench(), rack.tenant().instance()
    name, password = unique("user"), secrets.token_urlsafe(12)
    late: Word = (LATE, 3.0)
    held_back = Trap("taskmanager/create_users.forward.create_users/send_to_guest/before", lambda: late)
    with running.keeper.trap(held_back):
        first = _ask_for_user(running, kept.id, name, password)
        body = {"databases": [{"name": unique("db")}]}
        second = running.request("POST", f"/instances/{kept.id}/databases", body, expect=202)
        assert running.end_of(second.headers["X-Operation-Id"])["state"] == "succeeded"
    assert running.operation(first)["state"] == "succeeded"
    kept.login(name, password).check()


def _ask_for_user(running: Bench, instance_id: str, name: str, password: str) -> str:
    body = {"users": [{"name": name, "password": password, "databases": [{"name": "first"}]}]}
    answer = running.request("POST", f"/instances/{instance_id}/users", body, expect=202)
    return str(answer.headers["X-Operation-Id"])
