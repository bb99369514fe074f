from collections.abc import Collection, Mapping

from dbaas.conductor.keys import KNOWN_SECONDS, UNKNOWN_SECONDS, GuestKeys, KeyCache
from tests.unit.guestagent.protocol.guests import FakeGuest


class Source:
    def __init__(self, *guests: FakeGuest) -> None:
        self.known = {guest.instance_id: GuestKeys(guest.instance_key, guest.public_key) for guest in guests}
        self.asked: list[str] = []
        self.batches: list[list[str]] = []

    def one(self, instance_id: str) -> GuestKeys | None:
        self.asked.append(instance_id)
        return self.known.get(instance_id)

    def many(self, instance_ids: Collection[str]) -> Mapping[str, GuestKeys]:
        self.batches.append(sorted(instance_ids))
        return {key: self.known[key] for key in instance_ids if key in self.known}


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def cache_of(source: Source, clock: Clock) -> KeyCache:
    cache = KeyCache(clock)
    cache.use(source.one, source.many)
    return cache


def test_keys_are_asked_for_once_and_again_when_their_time_is_over() -> None:
    guest, clock = FakeGuest(), Clock()
    source = Source(guest)
    cache = cache_of(source, clock)
    assert cache.instance_key(guest.instance_id) == guest.instance_key
    assert cache.public_key(guest.instance_id) == guest.public_key
    assert len(source.asked) == 1
    clock.now += KNOWN_SECONDS
    source.known.clear()  # the instance is deleted
    assert cache.get(guest.instance_id) is None


def test_unknown_instance_is_remembered_for_a_moment() -> None:
    guest, clock = FakeGuest(), Clock()
    source = Source()
    cache = cache_of(source, clock)
    assert cache.get(guest.instance_id) is None
    assert cache.get(guest.instance_id) is None
    assert len(source.asked) == 1
    source.known[guest.instance_id] = GuestKeys("k", "p")
    clock.now += UNKNOWN_SECONDS
    assert cache.get(guest.instance_id) == GuestKeys("k", "p")


def test_a_batch_is_one_question() -> None:
    guests = [FakeGuest() for _ in range(5)]
    source, clock = Source(*guests[:4]), Clock()
    cache = cache_of(source, clock)
    cache.get(guests[0].instance_id)
    ids = [guest.instance_id for guest in guests]
    assert set(cache.get_many(ids)) == set(ids[:4])
    assert set(cache.get_many(ids)) == set(ids[:4])
    assert source.batches == [sorted(ids[1:])]


def test_what_is_no_id_never_reaches_the_source() -> None:
    source = Source()
    cache = cache_of(source, Clock())
    assert cache.get_many(["", "\x00", "x" * 10_000]) == {}
    assert source.asked == [] and source.batches == []


def test_without_a_source_nobody_is_known() -> None:
    assert KeyCache().get(FakeGuest().instance_id) is None
