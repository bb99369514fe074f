"""Sends reports and heartbeats to the conductor.

A report of a change waits in the journal until the broker has confirmed it; an answer to a read waits in
memory, for as long as somebody may wait for it; of heartbeats only the newest matters. One thread sends them
all, and numbers each at the moment it is sent, so that numbers arrive in the order they were given. A
report whose confirmation got lost is sent again under the same message id and a new number.
"""

import collections
import logging
import sqlite3
import threading
import time
import uuid
from collections.abc import Callable
from typing import Final, Protocol

from guestagent.backoff import Backoff, jittered
from guestagent.journal import Journal
from guestagent.protocol import crypto, envelope
from guestagent.protocol.envelope import Direction, Header
from guestagent.protocol.guest_config import GuestConfig
from guestagent.protocol.reports import AnyReport, CommandFinished, Heartbeat, encode_report, kind_of

log = logging.getLogger(__name__)

#: An answer to a read is worth sending for so long when the command does not say.
_ANSWER_SECONDS: Final = 60.0
#: Numbers start at the clock's milliseconds, and a start leaves at most one block unused: so small that the
#: clock passes it in the time a start takes. So they grow also when the journal, their memory, was lost.
_SEQUENCE_BLOCK: Final = 100
_QUIET_SECONDS: Final = 60.0


class BrokerUnavailable(Exception):
    """A message was not taken, or not known to be taken. The text holds no secret."""


class Publisher(Protocol):
    """The way out, see `guestagent.broker`."""

    def publish_report(self, sealed: str) -> None:
        """Returns when the broker has it; raises BrokerUnavailable."""

    def publish_heartbeat(self, sealed: str) -> None: ...

    def close(self) -> None:
        """Drop the connection; the next message makes a new one."""


class Sealer:
    """Numbers and seals what this guest says."""

    def __init__(self, config: GuestConfig, journal: Journal) -> None:
        self._instance_id = config.instance_id
        self._instance_key = config.instance_key.reveal()
        self._signing_key = crypto.SigningKey(config.signing_key.reveal())
        self._journal = journal
        self._next = self._reserved_to = 0

    def seal(self, report: AnyReport, *, message_id: str, answers: Header | None = None) -> str:
        header = Header(
            direction=Direction.REPORT,
            kind=kind_of(report),
            instance_id=self._instance_id,
            message_id=message_id,
            sequence=self._take_number(),
            sent_at_ms=envelope.now_ms(),
            trace=answers.trace if answers else {},
            reply=answers.reply if answers else False,
        )
        is_signed = not isinstance(report, Heartbeat)
        return envelope.seal(
            header,
            encode_report(report),
            instance_key=self._instance_key,
            signing_key=self._signing_key if is_signed else None,
        )

    def _take_number(self) -> int:
        if self._next >= self._reserved_to:
            self._next = self._journal.reserve_sequence(_SEQUENCE_BLOCK)
            self._reserved_to = self._next + _SEQUENCE_BLOCK
        self._next += 1
        return self._next - 1


class Reporter:
    """`heartbeat` is asked for a fresh one each time one is sent."""

    def __init__(
        self,
        sealer: Sealer,
        journal: Journal,
        publisher: Publisher,
        *,
        heartbeat: Callable[[], Heartbeat],
        heartbeat_seconds: float,
    ) -> None:
        self._sealer = sealer
        self._journal = journal
        self._publisher = publisher
        self._heartbeat = heartbeat
        self._heartbeat_seconds = heartbeat_seconds
        self._answers: collections.deque[tuple[Header, CommandFinished, float]] = collections.deque()
        self._beat_due_at = 0.0
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._complained_at = float("-inf")
        self._thread = threading.Thread(target=self._run, name="reporter", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout_seconds: float) -> None:
        """Send what can be sent within `timeout_seconds`; the journal has the rest."""
        self._stopping.set()
        self._wake.set()
        self._thread.join(timeout_seconds)

    def wake(self) -> None:
        """There is a report in the journal."""
        self._wake.set()

    def beat(self) -> None:
        """Send a heartbeat now: the status changed."""
        self._beat_due_at = 0.0
        self._wake.set()

    def send(self, header: Header, report: CommandFinished) -> None:
        """Send the answer to the read with this header, for as long as it is wanted."""
        seconds = (
            (header.expires_at_ms - envelope.now_ms()) / 1000 if header.expires_at_ms else _ANSWER_SECONDS
        )
        self._answers.append((header, report, time.monotonic() + seconds))
        self._wake.set()

    def _run(self) -> None:
        backoff = Backoff(0.2, 15.0)
        while True:
            self._wake.wait(max(0.0, self._beat_due_at - time.monotonic()))
            self._wake.clear()
            if self._send_all():
                backoff.reset()
                if self._stopping.is_set():
                    break
            elif self._stopping.wait(backoff.next_seconds()):
                break
            else:
                self._wake.set()
        self._publisher.close()

    def _send_all(self) -> bool:
        try:
            self._send_answers()
            self._send_reports()
            if time.monotonic() >= self._beat_due_at:
                self._send_heartbeat()
        except (BrokerUnavailable, sqlite3.Error) as error:
            self._complain(error)
        except Exception:  # a report that cannot be sent must not silence the guest
            log.exception("sending failed in an unforeseen way")
        else:
            return True
        self._publisher.close()
        return False

    def _send_answers(self) -> None:
        while self._answers:
            header, report, until = self._answers[0]
            if time.monotonic() < until:
                sealed = self._sealer.seal(report, message_id=str(uuid.uuid4()), answers=header)
                self._publisher.publish_report(sealed)
            self._answers.popleft()

    def _send_reports(self) -> None:
        while (pending := self._journal.next_report()) is not None:
            sealed = self._sealer.seal(pending.report, message_id=pending.message_id, answers=pending.header)
            self._publisher.publish_report(sealed)
            self._journal.remove_report(pending.position)

    def _send_heartbeat(self) -> None:
        # The next one is set first: a status that changes meanwhile moves it forward again.
        self._beat_due_at = time.monotonic() + jittered(self._heartbeat_seconds)
        sealed = self._sealer.seal(self._heartbeat(), message_id=str(uuid.uuid4()))
        try:
            self._publisher.publish_heartbeat(sealed)
        except BrokerUnavailable:
            self._beat_due_at = 0.0
            raise

    def _complain(self, error: Exception) -> None:
        """Say it once a minute: the broker may be away for long."""
        now = time.monotonic()
        if now - self._complained_at >= _QUIET_SECONDS:
            self._complained_at = now
            log.warning("reports cannot be sent for now", extra={"reason": str(error)})
