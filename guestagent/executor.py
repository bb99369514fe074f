"""Runs commands: one change at a time in the order they came, quick reads on a thread beside it."""

import logging
import queue
import secrets
import sqlite3
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from guestagent import logs
from guestagent.dispatcher import Dispatcher
from guestagent.errors import GuestError
from guestagent.journal import Journal
from guestagent.protocol.commands import Command
from guestagent.protocol.envelope import Header, now_ms
from guestagent.protocol.reports import CommandFinished, Outcome
from guestagent.reporter import Reporter

log = logging.getLogger(__name__)

_JOURNAL_RETRY_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class Job:
    """A command to run. `has_begun` when an earlier agent died in the middle of it."""

    header: Header
    command: Command
    has_begun: bool = False

    @property
    def is_late(self) -> bool:
        """Nobody waits for it any more: begun work is finished, but nothing new is started."""
        return not self.has_begun and 0 < self.header.expires_at_ms < now_ms()


class Executor:
    """Every command ends in one outcome: recorded in the journal, or, for a read, just reported."""

    def __init__(self, dispatcher: Dispatcher, journal: Journal, reporter: Reporter) -> None:
        self._dispatcher = dispatcher
        self._journal = journal
        self._reporter = reporter
        self._changes: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._reads: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(jobs,), name=name, daemon=True)
            for name, jobs in (("changes", self._changes), ("reads", self._reads))
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def submit(self, job: Job) -> None:
        (self._reads if job.command.is_read else self._changes).put(job)

    def stop(self, timeout_seconds: float) -> None:
        """Finish what runs now if it is quick. The journal has the rest for the next agent."""
        self._stopping.set()
        for jobs in (self._changes, self._reads):
            jobs.put(None)
        for thread in self._threads:
            thread.join(timeout_seconds)

    def _run(self, jobs: "queue.SimpleQueue[Job | None]") -> None:
        while (job := jobs.get()) is not None and not self._stopping.is_set():
            ids = {**job.header.trace, "command_id": job.header.message_id, "command": job.header.kind}
            with logs.bound(ids, logs.secrets_in(job.command)):
                try:
                    self._run_job(job)
                except Exception:  # the next command must still run
                    log.exception("a command was lost")

    def _run_job(self, job: Job) -> None:
        if job.command.is_read:
            if not job.is_late:
                self._reporter.send(job.header, self._outcome_of(job))
            return
        if job.is_late:
            self._record(job, refused(job.header, "command_expired", "the command came too late to be run"))
            return
        if self._persist(lambda: self._journal.mark_running(job.header.message_id)):
            self._record(job, self._outcome_of(job))

    def _outcome_of(self, job: Job) -> CommandFinished:
        try:
            result = self._dispatcher.run(job.command)
        except GuestError as error:
            message = logs.redact(str(error))
            log.warning("the command failed", extra={"code": error.code, "reason": message})
            return _failed(job.header, error.code, message)
        except Exception:
            incident = secrets.token_hex(6)
            log.exception("the command failed in an unforeseen way", extra={"incident": incident})
            return _failed(
                job.header,
                "internal_error",
                f"the guest agent has a fault; its log has it as incident {incident}",
            )
        log.log(logging.DEBUG if job.command.is_read else logging.INFO, "the command succeeded")
        return _succeeded(job.header, result)

    def _record(self, job: Job, report: CommandFinished) -> None:
        if self._persist(lambda: self._journal.finish(job.header, report)):
            self._reporter.wake()

    def _persist(self, write: Callable[[], None]) -> bool:
        """Write to the journal. A full disk delays that; an agent that is stopped meanwhile (False) leaves
        the command to the next one."""
        while True:
            try:
                write()
            except sqlite3.Error as error:
                log.warning("the journal cannot be written for now", extra={"reason": str(error)})
                if self._stopping.wait(_JOURNAL_RETRY_SECONDS):
                    return False
            else:
                return True


def refused(header: Header, code: str, message: str) -> CommandFinished:
    """The report of a command that was not tried."""
    return CommandFinished(
        command_id=header.message_id, outcome=Outcome.REFUSED, error_code=code, error_message=message
    )


def _failed(header: Header, code: str, message: str) -> CommandFinished:
    return CommandFinished(
        command_id=header.message_id, outcome=Outcome.FAILED, error_code=code, error_message=message
    )


def _succeeded(header: Header, result: Any) -> CommandFinished:
    return CommandFinished(command_id=header.message_id, outcome=Outcome.SUCCEEDED, result=result)
