from __future__ import annotations

import pytest

from actors import Actor, ActorSystem, Bounded
from actors.channels import open_channel
from actors.events import BusEvent, BusFullError, EventBus, Slow
from actors.testing import Probe
from tests.events.kit import SAFETY, Subscriber, events_of, in_thread


def test_retained_events_come_first_in_the_order_of_their_publication(bus: EventBus) -> None:
    bus.publish("a.x", 1, retain=True)
    bus.publish("a.y", 2, retain=True)
    bus.publish("b", 3, retain=True)
    bus.publish("a.x", 4, retain=True)
    events = bus.subscribe("a.*")
    bus.publish("a.z", 5)
    assert [events.receive_nowait() for _ in range(3)] == [
        BusEvent("a.y", 2, retained=True),
        BusEvent("a.x", 4, retained=True),
        BusEvent("a.z", 5, retained=False),
    ]


def test_retained_events_come_first_to_every_kind_of_target(system: ActorSystem, bus: EventBus) -> None:
    bus.publish("a", 1, retain=True)
    function, probe = Subscriber(), Probe(system)
    sender, receiver = open_channel(10)
    for target in (function, probe.ref, sender):
        bus.subscribe("a", target)
    bus.publish("a", 2)
    assert function.get(2) == [1, 2]
    assert [probe.expect(BusEvent).retained for _ in range(2)] == [True, False]
    assert [event.event for event in receiver.drain()] == [1, 2]


def test_who_wants_no_retained_events_gets_none(bus: EventBus) -> None:
    bus.publish("a", 1, retain=True)
    assert events_of(bus.subscribe("a", retained=False)) == []


def test_only_retained_events_of_the_class_come(bus: EventBus) -> None:
    bus.publish("a", 1, retain=True)
    bus.publish("b", "text", retain=True)
    assert events_of(bus.subscribe("#", of=str)) == ["text"]


def test_a_later_event_that_is_not_retained_leaves_the_retained_one(bus: EventBus) -> None:
    bus.publish("a", 1, retain=True)
    bus.publish("a", 2)
    assert bus.retained() == {"a": 1}


def test_retained_events_do_not_count_against_the_capacity(bus: EventBus) -> None:
    for number in range(10):
        bus.publish(f"a.{number}", number, retain=True)
    events = bus.subscribe("a.*", capacity=1, slow=Slow.CLOSE)
    assert bus.publish("a.x", 10) == 1
    assert events_of(events) == list(range(11))
    assert events.stats().closed_for is None


def test_what_is_retained_can_be_read_and_forgotten(bus: EventBus) -> None:
    bus.publish("a.x", 1, retain=True)
    bus.publish("b.x", None, retain=True)
    assert bus.retained("*.x") == {"a.x": 1, "b.x": None}
    assert bus.retained("a.#") == {"a.x": 1}
    assert bus.forget("a.x") is True
    assert bus.forget("a.x") is False
    assert bus.retained() == {"b.x": None}
    assert bus.stats().retained == 1
    assert events_of(bus.subscribe("#")) == [None]


def test_more_retained_topics_than_allowed_are_refused_and_nothing_is_published(system: ActorSystem) -> None:
    with EventBus(system, name="small", retained=2) as bus:
        events = bus.subscribe("#")
        bus.publish("a", 1, retain=True)
        bus.publish("b", 2, retain=True)
        with pytest.raises(BusFullError, match="retained") as caught:
            bus.publish("c", 3, retain=True)
        assert caught.value.limit == 2
        bus.publish("a", 4, retain=True)
        assert events_of(events) == [1, 2, 4]


def test_no_event_overtakes_the_retained_ones_that_a_target_is_being_given(system: ActorSystem, bus: EventBus) -> None:
    """The actor has room for two; the subscriber waits for it with the third, and the publishers stand behind."""

    class Holding(Actor):
        def __init__(self, holder: Subscriber) -> None:
            super().__init__()
            self.holder = holder
            self.seen: list[object] = []

        def on_receive(self, message: BusEvent[int]) -> object:
            if not isinstance(message, BusEvent):
                return self.seen
            if message.event == 0:
                self.holder(message)
            self.seen.append(message.event)
            return None

    holder = Subscriber(held=True)
    ref = system.spawn(Holding, holder, mailbox=Bounded(2))
    for number in range(5):
        bus.publish(f"a.{number}", number, retain=True)
    subscribing = in_thread(lambda: bus.subscribe("#", ref, slow=Slow.BLOCK))
    assert holder.busy.wait(SAFETY)
    while bus.stats().subscriptions == 0:
        assert not subscribing.done()
    publisher = in_thread(lambda: [bus.publish("a.x", number) for number in (5, 6)])
    [feed] = bus._board._open
    while feed._publishers < 2:  # it stands behind the subscriber, who waits with the fourth
        assert not publisher.done()
    holder.go()
    assert publisher.get(timeout=SAFETY) == [1, 1]
    subscribing.get(timeout=SAFETY)
    assert ref.ask("seen", timeout=SAFETY) == list(range(7))


def test_events_that_are_published_while_a_target_is_being_given_the_retained_ones_are_bounded_too(
    system: ActorSystem, bus: EventBus
) -> None:
    entered, leave = Subscriber(held=True), Subscriber()

    class Check(type):
        def __instancecheck__(cls, value: object) -> bool:
            if isinstance(value, BusEvent) and value.retained:
                entered(value)
            return True

    class Checked(metaclass=Check):
        pass

    sender, receiver = open_channel(100, of=Checked)
    bus.publish("a", 0, retain=True)
    subscribing = in_thread(lambda: bus.subscribe("#", sender, capacity=2))
    assert entered.busy.wait(SAFETY)
    assert [bus.publish("a", number) for number in (1, 2, 3)] == [1, 1, 0]
    entered.go()
    events = subscribing.get(timeout=SAFETY)
    assert [event.event for event in receiver.drain()] == [0, 1, 2]
    assert (events.stats().delivered, events.stats().waiting, events.stats().dropped) == (3, 0, 1)
    assert leave.nothing_left()
