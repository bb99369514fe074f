"""The door of the guest: opens what comes in, remembers it and hands it over, within milliseconds."""

import logging
import sqlite3
import time
from collections import Counter
from typing import Final

import msgspec
from celery import Celery
from celery.exceptions import Reject

from guestagent import logs
from guestagent.executor import Executor, Job, refused
from guestagent.journal import CommandState, Entry, Journal
from guestagent.protocol import envelope
from guestagent.protocol.commands import Command, decode_command, kind_of
from guestagent.protocol.envelope import Direction, EnvelopeRefused, Header, Opened, Refusal
from guestagent.protocol.guest_config import GuestConfig
from guestagent.protocol.queues import GUEST_TASK
from guestagent.reporter import Reporter

log = logging.getLogger(__name__)

#: Refused for its time alone, which is judged last: the sender is who it says, and may have an answer.
_AUTHENTIC: Final = {
    Refusal.EXPIRED: ("command_expired", "the command came too late to be run"),
    Refusal.FROM_THE_FUTURE: ("clock_skew", "the command is dated in this guest's future: check the clocks"),
}
_JOURNAL_PAUSE_SECONDS: Final = 1.0
_FOREVER_SECONDS: Final = 10 * 365 * 86400.0


class Intake:
    """Takes envelopes in. What cannot be authenticated is refused, counted and answered by silence."""

    def __init__(self, config: GuestConfig, journal: Journal, executor: Executor, reporter: Reporter) -> None:
        self._config = config
        self._journal = journal
        self._executor = executor
        self._reporter = reporter
        self.refused: Counter[Refusal] = Counter()

    def receive(self, sealed: str) -> None:
        """Accept one delivery. Raises sqlite3.Error when it could not be remembered: deliver it again."""
        try:
            opened = self._open(sealed, max_age_seconds=self._config.command_max_age_seconds)
        except EnvelopeRefused as error:
            self._count(error.reason)
            if error.reason in _AUTHENTIC:
                self._answer_untimely(envelope.peek(sealed), error.reason)
            return
        header = opened.header
        with logs.bound({**header.trace, "command_id": header.message_id, "command": header.kind}):
            command = self._decode(opened)
            if command is None:
                return
            if command.is_read:
                self._executor.submit(Job(header, command))
            else:
                self._take(header, command, sealed)

    def resume(self) -> None:
        """Go on with what an earlier agent accepted and did not finish, in the order it came."""
        for entry in self._journal.unfinished():
            with logs.bound({**entry.header.trace, "command_id": entry.id, "command": entry.kind}):
                self._resume(entry)

    def _resume(self, entry: Entry) -> None:
        try:
            # It was in time when it came, and that it waited here is not its fault.
            opened = self._open(
                entry.envelope or "", max_age_seconds=_FOREVER_SECONDS, now_ms=entry.received_at_ms
            )
        except EnvelopeRefused as error:
            self._count(error.reason)
            self._refuse(
                entry.header, "command_lost", "the guest was restarted and cannot read the command again"
            )
            return
        command = self._decode(opened)
        if command is not None:
            log.info("resuming a command", extra={"state": entry.state.value})
            self._executor.submit(Job(opened.header, command, has_begun=entry.state is CommandState.RUNNING))

    def _open(self, sealed: str, *, max_age_seconds: float, now_ms: int | None = None) -> Opened:
        return envelope.open_envelope(
            sealed,
            direction=Direction.COMMAND,
            instance_id=self._config.instance_id,
            key_for=lambda _: self._config.instance_key.reveal(),
            public_key_for=lambda _: self._config.control_public_key,
            max_age_seconds=max_age_seconds,
            now=envelope.now_ms if now_ms is None else lambda: now_ms,
        )

    def _decode(self, opened: Opened) -> Command | None:
        """The command; None, with a report sent, when this agent cannot make it out."""
        header = opened.header
        try:
            command = decode_command(opened.payload)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            # The decoder's text may quote the payload: it stays here.
            self._count(Refusal.KIND)
            self._refuse(header, "unknown_command", f"this guest does not understand {header.kind!r}")
            return None
        if kind_of(command) != header.kind:
            self._count(Refusal.KIND)
            self._refuse(header, "invalid_command", "the command is not of the kind that its header names")
            return None
        return command

    def _take(self, header: Header, command: Command, sealed: str) -> None:
        known = self._journal.accept(header, sealed)
        if known is None:
            log.info("command accepted")
            self._executor.submit(Job(header, command))
        else:
            self._answer_again(known)

    def _answer_again(self, known: Entry) -> None:
        log.info("command delivered again", extra={"state": known.state.value})
        if known.state is CommandState.FINISHED:
            self._journal.repeat_outcome(known.id)
            self._reporter.wake()

    def _answer_untimely(self, header: Header, reason: Refusal) -> None:
        known = self._journal.find(header.message_id)
        if known is not None:
            self._answer_again(known)
        else:
            self._refuse(header, *_AUTHENTIC[reason])

    def _refuse(self, header: Header, code: str, message: str) -> None:
        self._journal.finish(header, refused(header, code, message))
        self._reporter.wake()

    def _count(self, reason: Refusal) -> None:
        self.refused[reason] += 1
        log.warning("envelope refused", extra={"reason": reason.value, "count": self.refused[reason]})


def register(app: Celery, intake: Intake) -> None:
    """Bind the one task of a guest to its intake."""

    @app.task(name=GUEST_TASK, ignore_result=True)
    def execute(sealed: object) -> None:
        try:
            intake.receive(sealed if isinstance(sealed, str) else "")
        except sqlite3.Error as error:
            log.warning("the journal cannot be written: the command goes back", extra={"reason": str(error)})
            time.sleep(_JOURNAL_PAUSE_SECONDS)  # the queue would hand it out again at once
            raise Reject("journal", requeue=True) from error
        except Exception:  # acknowledged all the same: a delivery that breaks us must not come back for ever
            log.exception("a delivery could not be handled")
