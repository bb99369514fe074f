import threading
import uuid

import pytest
from pytest_django.fixtures import Settings

from dbaas.common.errors import ServiceUnavailable
from dbaas.conductor import inbox
from guestagent.protocol.reports import CommandFinished, Outcome
from tests.integration.dbaas.conductor.conftest import free_port

pytestmark = pytest.mark.integration


def answer() -> CommandFinished:
    return CommandFinished(
        command_id=str(uuid.uuid4()), outcome=Outcome.SUCCEEDED, result={"name": "ünïcode"}
    )


def test_answer_that_is_there_is_fetched_once() -> None:
    report = answer()
    inbox.put(report.command_id, report, instance_id="i-1")
    assert inbox.wait(report.command_id, 5, instance_id="i-1") == report
    assert inbox.wait(report.command_id, 0.05, instance_id="i-1") is None


def test_answer_that_comes_while_somebody_waits_is_fetched() -> None:
    report, results = answer(), []
    waiter = threading.Thread(
        target=lambda: results.append(inbox.wait(report.command_id, 20, instance_id="i-1"))
    )
    waiter.start()
    inbox.put(report.command_id, report, instance_id="i-1")
    waiter.join(20)
    assert results == [report]


def test_answer_of_another_guest_is_not_taken_for_it() -> None:
    report = answer()
    inbox.put(report.command_id, report, instance_id="i-2")
    assert inbox.wait(report.command_id, 0.05, instance_id="i-1") is None


def test_redis_that_is_away_is_said_and_loses_no_report(settings: Settings) -> None:
    settings.REDIS_URL = f"redis://127.0.0.1:{free_port()}/0"
    report = answer()
    assert inbox.put(report.command_id, report, instance_id="i-1") is False
    with pytest.raises(ServiceUnavailable):
        inbox.wait(report.command_id, 1, instance_id="i-1")
