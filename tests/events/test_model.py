"""The bus against a model of it: any sequence of calls, one after the other."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, precondition, rule

from actors import ActorSystem
from actors.channels import ChannelEmptyError, ChannelEndedError
from actors.events import BusEvent, BusFullError, EventBus, EventDropped, Slow, SubscriptionClosed
from tests.events.test_topics import PATTERNS, TOPICS, naive_match
from tests.support import scaled

if TYPE_CHECKING:
    from actors.events import BusSubscription

LIMIT = 6  # of retained topics
VALUES = st.one_of(st.integers(0, 9), st.sampled_from(["x", "y"]))


@dataclass
class Model:
    """A subscription as the docstrings describe it."""

    real: BusSubscription[Any]
    pattern: str
    of: type
    capacity: int
    slow: Slow
    retained: list[BusEvent[Any]]
    queue: list[BusEvent[Any]] = field(default_factory=list)
    delivered: int = 0
    dropped: int = 0
    closed_for: str | None = None

    def wants(self, topic: str, value: object) -> bool:
        return self.closed_for is None and naive_match(self.pattern.split("."), topic.split(".")) and isinstance(value, self.of)

    def publish(self, event: BusEvent[Any]) -> bool:
        """Whether it goes to the subscription."""
        if len(self.queue) < self.capacity:
            self.queue.append(event)
            return True
        self.dropped += 1
        if self.slow is Slow.DROP_OLDEST:
            del self.queue[0]
            self.queue.append(event)
            return True
        if self.slow is Slow.CLOSE:
            self.closed_for = "it was too slow"
        return False

    def receive(self) -> BusEvent[Any] | None:
        waiting = self.retained or self.queue
        if not waiting:
            return None
        self.delivered += 1
        return waiting.pop(0)


class BusMachine(RuleBasedStateMachine):
    subscriptions = Bundle("subscriptions")

    def __init__(self) -> None:
        super().__init__()
        self.system = ActorSystem()
        self.bus = EventBus(self.system, retained=LIMIT)
        self.models: list[Model] = []
        self.retained: dict[str, Any] = {}
        self.published = self.unheard = 0
        self.told: list[Any] = []
        self.system.events.subscribe(EventDropped, self.told.append)
        self.system.events.subscribe(SubscriptionClosed, self.told.append)

    @rule(
        target=subscriptions,
        pattern=PATTERNS,
        of=st.sampled_from([object, int, str]),
        capacity=st.integers(1, 3),
        slow=st.sampled_from(list(Slow)),
        retained=st.booleans(),
    )
    def subscribe(self, pattern: str, of: type, capacity: int, slow: Slow, retained: bool) -> Model:
        timeout = 0 if slow is Slow.BLOCK else None
        real = self.bus.subscribe(pattern, of=of, capacity=capacity, slow=slow, timeout=timeout, retained=retained)
        model = Model(real, pattern, of, capacity, slow, [])
        if retained:
            model.retained = [BusEvent(topic, value, True) for topic, value in self.retained.items() if model.wants(topic, value)]
        self.models.append(model)
        return model

    @rule(topic=TOPICS, value=VALUES, retain=st.booleans())
    def publish(self, topic: str, value: Any, retain: bool) -> None:
        if retain and topic not in self.retained and len(self.retained) == LIMIT:
            try:
                self.bus.publish(topic, value, retain=True)
            except BusFullError:
                return
            raise AssertionError
        wanted = [model for model in self.models if model.wants(topic, value)]
        expected = sum(model.publish(BusEvent(topic, value, False)) for model in wanted)
        assert self.bus.publish(topic, value, retain=retain) == expected
        self.published += 1
        self.unheard += not wanted
        if retain:
            self.retained.pop(topic, None)
            self.retained[topic] = value

    @rule(model=subscriptions)
    def receive(self, model: Model) -> None:
        expected = model.receive()
        try:
            got = model.real.receive_nowait()
        except ChannelEmptyError:
            assert (expected, model.closed_for) == (None, None)
        except ChannelEndedError:
            assert expected is None
            assert model.closed_for is not None
        else:
            assert got == expected

    @rule(model=consumes(subscriptions))
    def cancel_and_drain(self, model: Model) -> None:
        model.real.cancel()
        if model.closed_for is None:
            model.closed_for = "it was cancelled"
        assert list(model.real) == model.retained + model.queue
        model.delivered += len(model.retained + model.queue)
        model.retained, model.queue = [], []

    @rule(topic=TOPICS)
    def forget(self, topic: str) -> None:
        assert self.bus.forget(topic) is (topic in self.retained)
        self.retained.pop(topic, None)

    @precondition(lambda self: self.models)
    @rule(pattern=PATTERNS)
    def look(self, pattern: str) -> None:
        expected = [(topic, value) for topic, value in self.retained.items() if naive_match(pattern.split("."), topic.split("."))]
        assert list(self.bus.retained(pattern).items()) == expected

    @invariant()
    def figures_agree(self) -> None:
        for model in self.models:
            stats = model.real.stats()
            waiting = len(model.retained) + len(model.queue)
            assert (stats.delivered, stats.waiting, stats.dropped) == (model.delivered, waiting, model.dropped)
            assert stats.closed_for == model.closed_for
        stats = self.bus.stats()
        assert (stats.published, stats.unheard, stats.retained) == (self.published, self.unheard, len(self.retained))
        assert stats.dropped == sum(model.dropped for model in self.models)
        assert stats.subscriptions == sum(model.closed_for is None for model in self.models)

    def teardown(self) -> None:
        try:
            self.bus.close()
            assert sum(one.count for one in self.told if isinstance(one, EventDropped)) == sum(m.dropped for m in self.models)
            slow = sum(model.closed_for == "it was too slow" for model in self.models)
            assert sum(isinstance(one, SubscriptionClosed) for one in self.told) == slow
        finally:
            self.system.shutdown()


TestModel = BusMachine.TestCase
TestModel.settings = settings(max_examples=scaled(full=1000, quick=60), stateful_step_count=40, deadline=None)
