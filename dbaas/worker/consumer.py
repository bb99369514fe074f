"""Celery's consumer without the parts that we don't use."""

from typing import Any, Final

from celery.worker.consumer.consumer import Consumer

from dbaas.worker import health

#: Delayed delivery would declare 56 exchanges and queues at each start, for ETAs: ours are rows of the
#: database. Gossip lets workers talk about each other, which nobody listens to.
_UNUSED: Final = frozenset({
    "celery.worker.consumer.delayed_delivery:DelayedDelivery",
    "celery.worker.consumer.gossip:Gossip",
})  # fmt: skip
_TICK_SECONDS: Final = 1.0


class LeanConsumer(Consumer):
    """Consumes tasks, and says that it does."""

    class Blueprint(Consumer.Blueprint):  # type: ignore[misc, valid-type]
        default_steps = [step for step in Consumer.Blueprint.default_steps if step not in _UNUSED]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{**kwargs, "without_mingle": True})
        self._pulse = health.Pulse(within_seconds=10 * _TICK_SECONDS)
        health.watch("consumer", self._pulse.is_well)

    def register_with_event_loop(self, hub: Any) -> None:
        """Called when the consumer is connected; its timers are cancelled when the connection is lost."""
        super().register_with_event_loop(hub)
        self._pulse.beat()
        hub.call_repeatedly(_TICK_SECONDS, self._pulse.beat)
