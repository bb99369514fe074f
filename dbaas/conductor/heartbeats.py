"""Taking in heartbeats by the batch: of each guest only the newest is opened and handled."""

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from typing import Final

import msgspec
from django.conf import settings

from dbaas.common import metrics
from dbaas.common.logs import get_logger
from dbaas.conductor import handlers, intake, keys
from dbaas.conductor.handlers import Sender
from dbaas.conductor.keys import GuestKeys
from guestagent.protocol.envelope import (
    MAX_CLOCK_SKEW_SECONDS,
    Direction,
    EnvelopeRefused,
    Refusal,
    open_envelope,
    peek,
)
from guestagent.protocol.reports import Heartbeat, decode_report

log = get_logger(__name__)

#: No beat comes near it; a longer one is dropped before anything looks into it.
MAX_HEARTBEAT_CHARS: Final = 8192
_KIND: Final = "heartbeat"
_UNSIGNED: Final = frozenset({_KIND})

Beats = list[tuple[Sender, Heartbeat]]


class LastSeen:
    """The last sequence handled of each guest, so that an older beat can't be played again.

    Forgotten after `memory_seconds`, when a replayed beat is refused for its age: a guest that lost its
    counter is heard again then.
    """

    def __init__(self, memory_seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._memory_seconds = memory_seconds
        self._clock = clock
        self._last: dict[str, tuple[int, float]] = {}

    def is_newer(self, instance_id: str, sequence: int) -> bool:
        last, until = self._last.get(instance_id, (-1, 0.0))
        return sequence > last or until <= self._clock()

    def note(self, senders: Iterable[Sender]) -> None:
        until = self._clock() + self._memory_seconds
        self._last.update((sender.instance_id, (sender.sequence, until)) for sender in senders)

    def forget_old(self) -> None:
        now = self._clock()
        self._last = {key: entry for key, entry in self._last.items() if entry[1] > now}


class HeartbeatIntake:
    """Opens batches and hands them to the registered handler. One for each process; not thread-safe."""

    def __init__(self) -> None:
        # As long as a beat may matter, and the clocks of guests may lag.
        self._max_age_seconds = settings.AGENT_HEARTBEAT_EXPIRY + MAX_CLOCK_SKEW_SECONDS
        self._last_seen = LastSeen(memory_seconds=self._max_age_seconds + MAX_CLOCK_SKEW_SECONDS)

    def take_in(self, envelopes: Iterable[str]) -> int:
        """Handle the newest beat of each guest; returns how many. Raises what the handler raises."""
        refusals: Counter[str] = Counter()
        beats = self._newest(envelopes, refusals)
        for reason, count in refusals.items():
            metrics.REPORTS_REFUSED.labels(reason).inc(count)
        if refusals:
            log.warning("heartbeats_refused", reasons=dict(refusals))
        handle = handlers.heartbeat_handler()
        if beats and handle:
            handle(beats)
            self._last_seen.note(sender for sender, _ in beats)
            metrics.HEARTBEATS.inc(len(beats))
        self._last_seen.forget_old()
        return len(beats)

    def _newest(self, envelopes: Iterable[str], refusals: Counter[str]) -> Beats:
        """The newest that opens, by what headers claim: a forged header hides nobody's beat."""
        claims: defaultdict[str, list[tuple[int, str]]] = defaultdict(list)
        for envelope in envelopes:
            try:
                header = peek(envelope)
            except EnvelopeRefused as refusal:
                refusals[refusal.reason.value] += 1
            else:
                claims[header.instance_id].append((header.sequence, envelope))
        known = keys.cache.get_many(claims.keys())
        beats: Beats = []
        for instance_id, claimed in claims.items():
            for _, envelope in sorted(claimed, reverse=True):
                try:
                    beats.append(self._open(envelope, known.get(instance_id)))
                    break
                except EnvelopeRefused as refusal:
                    refusals[refusal.reason.value] += 1
        return beats

    def _open(self, envelope: str, guest: GuestKeys | None) -> tuple[Sender, Heartbeat]:
        opened = open_envelope(
            envelope,
            direction=Direction.REPORT,
            instance_id=None,
            key_for=lambda _: guest.instance_key if guest else None,
            public_key_for=lambda _: guest.public_key if guest else None,
            unsigned_kinds=_UNSIGNED,
            max_age_seconds=self._max_age_seconds,
        )
        intake.check_header(opened.header)
        try:
            report = decode_report(opened.payload)
        except (msgspec.MsgspecError, RecursionError) as error:
            raise EnvelopeRefused(Refusal.KIND) from error
        if opened.header.kind != _KIND or not isinstance(report, Heartbeat):
            raise EnvelopeRefused(Refusal.KIND)
        if not self._last_seen.is_newer(opened.header.instance_id, opened.header.sequence):
            raise EnvelopeRefused(Refusal.REPLAY)
        return intake.sender_of(opened.header), report
