import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from guestagent.journal import CommandState, Journal
from guestagent.protocol.envelope import Direction, Header, now_ms
from guestagent.protocol.reports import CommandFinished, Outcome


def header(command_id: str) -> Header:
    return Header(
        direction=Direction.COMMAND,
        kind="create_users",
        instance_id="i",
        message_id=command_id,
        sequence=0,
        sent_at_ms=now_ms(),
        trace={"request_id": "r"},
        reply=True,
    )


def succeeded(command_id: str, result: object = None) -> CommandFinished:
    return CommandFinished(command_id=command_id, outcome=Outcome.SUCCEEDED, result=result)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.sqlite3"


@pytest.fixture
def journal(path: Path) -> Journal:
    return Journal(path)


def test_a_command_is_new_once(journal: Journal) -> None:
    assert journal.accept(header("a"), "sealed") is None
    known = journal.accept(header("a"), "sealed")
    assert known is not None
    assert known.state is CommandState.ACCEPTED


def test_a_command_is_new_once_for_many_threads(journal: Journal) -> None:
    with ThreadPoolExecutor(8) as pool:
        seen = list(pool.map(lambda _: journal.accept(header("a"), "sealed"), range(50)))
    assert seen.count(None) == 1


def test_what_is_unfinished_is_there_for_the_next_agent_in_order(journal: Journal, path: Path) -> None:
    for command_id in ("c", "a", "b"):
        journal.accept(header(command_id), f"sealed {command_id}")
    journal.mark_running("c")
    journal.finish(header("a"), succeeded("a"))
    left = Journal(path).unfinished()  # the first one was not closed: its process was killed
    assert [(entry.id, entry.state, entry.envelope) for entry in left] == [
        ("c", CommandState.RUNNING, "sealed c"),
        ("b", CommandState.ACCEPTED, "sealed b"),
    ]


def test_the_first_outcome_stays(journal: Journal) -> None:
    journal.finish(header("a"), succeeded("a", 1))
    journal.finish(header("a"), succeeded("a", 2))
    pending = journal.next_report()
    assert pending is not None
    assert pending.report == succeeded("a", 1)


def test_the_envelope_is_forgotten_with_the_outcome(journal: Journal, path: Path) -> None:
    journal.accept(header("a"), "sealed")
    journal.finish(header("a"), succeeded("a"))
    known = journal.find("a")
    assert known is not None
    assert known.envelope is None
    assert known.state is CommandState.FINISHED


def test_reports_wait_in_order_until_they_are_removed(journal: Journal, path: Path) -> None:
    for command_id in ("a", "b"):
        journal.finish(header(command_id), succeeded(command_id))
    first = Journal(path).next_report()
    assert first is not None
    assert (first.header.message_id, first.header.reply, first.header.trace) == (
        "a",
        True,
        {"request_id": "r"},
    )
    assert journal.next_report() == first
    journal.remove_report(first.position)
    second = journal.next_report()
    assert second is not None
    assert second.header.message_id == "b"


def test_an_outcome_is_repeated_as_a_new_message_and_waits_only_once(journal: Journal) -> None:
    journal.finish(header("a"), succeeded("a"))
    assert not journal.repeat_outcome("a")  # the first one is still on its way
    first = journal.next_report()
    assert first is not None
    journal.remove_report(first.position)
    assert journal.repeat_outcome("a")
    again = journal.next_report()
    assert again is not None
    assert again.report == first.report
    assert again.message_id != first.message_id


def test_nothing_is_repeated_of_what_is_unknown_or_not_finished(journal: Journal) -> None:
    journal.accept(header("a"), "sealed")
    assert not journal.repeat_outcome("a")
    assert not journal.repeat_outcome("b")
    assert journal.next_report() is None


def test_numbers_never_come_twice(journal: Journal, path: Path) -> None:
    first = journal.reserve_sequence(1000)
    assert journal.reserve_sequence(1000) >= first + 1000
    assert Journal(path).reserve_sequence(1) >= first + 2000


def test_numbers_go_on_above_when_the_journal_was_lost(journal: Journal, path: Path) -> None:
    before = now_ms()
    assert journal.reserve_sequence(10) >= before


def test_only_old_outcomes_are_pruned(journal: Journal) -> None:
    journal.accept(header("running"), "sealed")
    journal.finish(header("done"), succeeded("done"))
    journal.prune(finished_before_ms=now_ms() - 60_000)
    assert journal.find("done") is not None
    journal.prune(finished_before_ms=now_ms() + 60_000)
    assert journal.find("done") is None
    assert journal.find("running") is not None


def test_facts_outlive_the_agent(journal: Journal, path: Path) -> None:
    assert journal.get_fact("desired") is None
    journal.set_fact("desired", "stopped")
    journal.set_fact("desired", "running")
    assert Journal(path).get_fact("desired") == "running"


def test_a_failed_write_leaves_it_usable(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    journal._db.execute("PRAGMA max_page_count = 12")  # a full disk
    with pytest.raises(sqlite3.Error, match="full"):
        for number in range(200):
            journal.accept(header(str(number)), "x" * 4000)
    journal._db.execute("PRAGMA max_page_count = 100000")
    assert journal.accept(header("after"), "sealed") is None


def test_only_its_owner_may_read_it(journal: Journal, path: Path) -> None:
    journal.set_fact("a", "b")
    for file in path.parent.glob("journal*"):
        assert file.stat().st_mode & 0o077 == 0, file
