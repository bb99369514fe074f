from guestagent.backoff import Backoff, jittered


def test_pauses_grow_to_the_longest_and_begin_anew() -> None:
    backoff = Backoff(1.0, 5.0)
    pauses = [backoff.next_seconds() for _ in range(6)]
    for pause, whole in zip(pauses, (1, 2, 4, 5, 5, 5), strict=True):
        assert whole / 2 <= pause <= whole
    backoff.reset()
    assert backoff.next_seconds() <= 1.0


def test_jitter_differs_and_only_shortens() -> None:
    values = {jittered(10.0, 0.1) for _ in range(50)}
    assert len(values) > 10
    assert all(9.0 <= value <= 10.0 for value in values)
