"""Keys of guests, asked of the apps above and remembered for a few seconds.

No key means refused: an instance that is unknown, or deleted, can't say anything. Deleting an instance
takes effect within `KNOWN_SECONDS`; a new one is heard within `UNKNOWN_SECONDS`.
"""

import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Final

KNOWN_SECONDS: Final = 15.0
UNKNOWN_SECONDS: Final = 2.0
CACHE_SIZE: Final = 50_000

_INSTANCE_ID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class GuestKeys:
    """What opens a guest's reports, and what proves that it signed them."""

    instance_key: str = field(repr=False)
    public_key: str


Source = Callable[[str], GuestKeys | None]
BatchSource = Callable[[Collection[str]], Mapping[str, GuestKeys]]


class KeyCache:
    """Least recently used keys, each known or unknown until its time is over. Thread-safe."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._entries: OrderedDict[str, tuple[float, GuestKeys | None]] = OrderedDict()
        self._one: Source | None = None
        self._many: BatchSource | None = None

    def use(self, one: Source, many: BatchSource | None) -> None:
        self._one, self._many = one, many
        self.clear()

    def clear(self) -> None:
        with self._lock:
            self._entries.clear()

    def get(self, instance_id: str) -> GuestKeys | None:
        is_cached, keys = self._cached(instance_id)
        return keys if is_cached else self._fetch([instance_id]).get(instance_id)

    def instance_key(self, instance_id: str) -> str | None:
        keys = self.get(instance_id)
        return keys.instance_key if keys else None

    def public_key(self, instance_id: str) -> str | None:
        keys = self.get(instance_id)
        return keys.public_key if keys else None

    def get_many(self, instance_ids: Collection[str]) -> dict[str, GuestKeys]:
        """Keys of those that have one, with at most one look-up for all that aren't remembered."""
        found: dict[str, GuestKeys] = {}
        missing: list[str] = []
        for instance_id in instance_ids:
            is_cached, keys = self._cached(instance_id)
            if not is_cached:
                missing.append(instance_id)
            elif keys:
                found[instance_id] = keys
        return found | self._fetch(missing) if missing else found

    def _cached(self, instance_id: str) -> tuple[bool, GuestKeys | None]:
        with self._lock:
            until, keys = self._entries.get(instance_id, (0.0, None))
            if until <= self._clock():
                return False, None
            self._entries.move_to_end(instance_id)
            return True, keys

    def _fetch(self, instance_ids: Collection[str]) -> dict[str, GuestKeys]:
        # Only what can be an id reaches the database: headers are read before anything proves who wrote them.
        wanted = [instance_id for instance_id in instance_ids if _INSTANCE_ID.fullmatch(instance_id)]
        found = self._ask(wanted) if wanted else {}
        now = self._clock()
        with self._lock:
            for instance_id in wanted:
                keys = found.get(instance_id)
                self._entries[instance_id] = (now + (KNOWN_SECONDS if keys else UNKNOWN_SECONDS), keys)
                self._entries.move_to_end(instance_id)
            while len(self._entries) > CACHE_SIZE:
                self._entries.popitem(last=False)
        return found

    def _ask(self, instance_ids: Collection[str]) -> dict[str, GuestKeys]:
        if self._many and len(instance_ids) > 1:
            return dict(self._many(instance_ids))
        if self._one is None:
            return {}
        pairs = ((instance_id, self._one(instance_id)) for instance_id in instance_ids)
        return {instance_id: keys for instance_id, keys in pairs if keys}


cache = KeyCache()


def register_source(one: Source, *, many: BatchSource | None = None) -> None:
    """Say where keys come from. `many` answers for a whole batch of heartbeats with one query."""
    cache.use(one, many)
