"""What a full disk does to commands: it delays them, and none is lost. The rest is tried with the program."""

import logging
import queue
from logging.handlers import QueueHandler
from pathlib import Path
from typing import Any

import pytest

from guestagent.executor import Executor, Job
from guestagent.journal import CommandState, Journal
from guestagent.protocol.commands import Command, DisableRoot, ListUsers
from guestagent.protocol.envelope import Direction, Header, now_ms
from guestagent.protocol.reports import CommandFinished, Outcome


class Dispatcher:
    def __init__(self) -> None:
        self.ran: queue.Queue[Command] = queue.Queue()

    def run(self, command: Command) -> Any:
        self.ran.put(command)
        return "result"


class Reporter:
    def __init__(self) -> None:
        self.woken: queue.Queue[None] = queue.Queue()
        self.sent: queue.Queue[CommandFinished] = queue.Queue()

    def wake(self) -> None:
        self.woken.put(None)

    def send(self, header: Header, report: CommandFinished) -> None:
        self.sent.put(report)


class Bench:
    def __init__(self, path: Path) -> None:
        self.journal = Journal(path / "journal.sqlite3")
        self.dispatcher = Dispatcher()
        self.reporter = Reporter()
        self.executor = Executor(self.dispatcher, self.journal, self.reporter)  # type: ignore[arg-type]

    def job(self, command: Command, **fields: Any) -> Job:
        header = Header(
            direction=Direction.COMMAND,
            kind="k",
            instance_id="i",
            message_id="m",
            sequence=0,
            sent_at_ms=now_ms(),
            **fields,
        )
        self.journal.accept(header, "sealed")
        return Job(header, command)


def test_a_full_disk_delays_a_command_until_there_is_room(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    bench = Bench(tmp_path)
    complaints: queue.SimpleQueue[logging.LogRecord] = queue.SimpleQueue()
    handler = QueueHandler(complaints)
    request.addfinalizer(lambda: logging.getLogger("guestagent.executor").removeHandler(handler))
    logging.getLogger("guestagent.executor").addHandler(handler)
    job = bench.job(DisableRoot())
    bench.journal._db.execute("PRAGMA query_only = ON")  # every write fails, as on a full disk
    bench.executor.start()
    bench.executor.submit(job)
    assert "cannot be written" in complaints.get(timeout=20).getMessage()
    assert bench.dispatcher.ran.empty()
    bench.journal._db.execute("PRAGMA query_only = OFF")
    bench.reporter.woken.get(timeout=20)
    assert bench.dispatcher.ran.qsize() == 1
    known = bench.journal.find("m")
    assert known is not None
    assert known.state is CommandState.FINISHED


def test_a_late_read_is_dropped_and_a_late_change_refused(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.executor.start()
    past = now_ms() - 1000
    bench.executor.submit(bench.job(ListUsers(), expires_at_ms=past))
    bench.executor.submit(bench.job(DisableRoot(), expires_at_ms=past))
    bench.reporter.woken.get(timeout=20)
    pending = bench.journal.next_report()
    assert pending is not None
    assert isinstance(pending.report, CommandFinished)
    assert (pending.report.outcome, pending.report.error_code) == (Outcome.REFUSED, "command_expired")
    bench.executor.stop(5)
    assert bench.dispatcher.ran.empty()
    assert bench.reporter.sent.empty()


def test_what_had_begun_is_finished_however_late(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    job = bench.job(DisableRoot(), expires_at_ms=now_ms() - 1000)
    bench.executor.start()
    bench.executor.submit(Job(job.header, job.command, has_begun=True))
    bench.reporter.woken.get(timeout=20)
    assert bench.dispatcher.ran.qsize() == 1
