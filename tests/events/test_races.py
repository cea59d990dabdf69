"""Many threads at once, and the interpreter switching between them as often as it can."""

from __future__ import annotations

import sys
import threading
from collections import defaultdict
from typing import TYPE_CHECKING, Any

import pytest

from actors import ActorSystem
from actors.channels import open_channel
from actors.events import BusClosedError, BusEvent, DeadLetter, EventBus, Slow, SubscriptionClosed
from actors.testing import Probe
from tests.events.kit import SAFETY, Subscriber, events_of, in_thread
from tests.support import scaled

if TYPE_CHECKING:
    from collections.abc import Iterator

ROUNDS = scaled(full=3000, quick=60)


@pytest.fixture(autouse=True)
def switching() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def expect_no_gap(got: list[BusEvent[int]], last: int) -> None:
    """One retained event, unless nothing was retained yet, and then each one after it, once, in order."""
    numbers = [event.event for event in got]
    assert numbers == list(range(numbers[0], last + 1))
    assert [event.retained for event in got] == [numbers[0] > 0] + [False] * (len(got) - 1) or numbers[0] == 0


@pytest.mark.parametrize("kind", ["iterated", "function", "actor", "channel"])
def test_a_subscription_made_while_events_are_retained_has_no_gap_and_no_duplicate(system: ActorSystem, kind: str) -> None:
    for _ in range(ROUNDS):
        with EventBus(system) as bus:
            begun = threading.Event()

            def publish(bus: EventBus = bus, begun: threading.Event = begun) -> int:
                for number in range(60):
                    bus.publish("a", number, retain=True)
                    if number == 5:
                        begun.set()
                return 59

            publisher = in_thread(publish)
            begun.wait(SAFETY)
            if kind == "iterated":
                events = bus.subscribe("#")
                last = publisher.get(timeout=SAFETY)
                events.cancel()
                got = list(events)
            elif kind == "function":
                got = []
                bus.subscribe("#", got.append)
                last = publisher.get(timeout=SAFETY)
                bus.close()
            elif kind == "actor":
                with Probe(system) as probe:
                    bus.subscribe("#", probe.ref)
                    last = publisher.get(timeout=SAFETY)
                    got = [probe.expect(BusEvent)]
                    while got[-1].event != last:
                        got.append(probe.expect(BusEvent))
            else:
                sender, receiver = open_channel(1000)
                bus.subscribe("#", sender)
                last = publisher.get(timeout=SAFETY)
                got = receiver.drain()
            expect_no_gap(got, last)


def test_what_was_published_before_a_cancel_is_there_and_nothing_after_it(bus: EventBus) -> None:
    for _ in range(ROUNDS):
        events = bus.subscribe("a", capacity=10_000)
        published = [0]

        def publish(published: list[int] = published) -> None:
            while published[0] < 10_000 and bus.publish("a", published[0]):
                published[0] += 1

        publisher = in_thread(publish)
        before = published[0]
        events.cancel()
        publisher.get(timeout=SAFETY)
        got = [event.event for event in events]
        assert got == list(range(len(got)))
        assert before <= len(got) == published[0]


def test_each_event_is_delivered_or_counted_whatever_the_policy(bus: EventBus) -> None:
    for slow in (Slow.DROP_OLDEST, Slow.DROP_NEWEST, Slow.BLOCK):
        for _ in range(ROUNDS // 10):
            events = bus.subscribe("a", capacity=3, slow=slow)
            held = bus.subscribe("a", Subscriber(), capacity=3, slow=slow)
            publishers = [in_thread(lambda who=who: [bus.publish("a", (who, number)) for number in range(50)]) for who in range(3)]
            readers = [in_thread(lambda events=events: list(events)) for _ in range(2)]
            for publisher in publishers:
                publisher.get(timeout=SAFETY)
            events.cancel()
            held.cancel()
            got = [reader.get(timeout=SAFETY) for reader in readers]
            stats = events.stats()
            assert len(got[0]) + len(got[1]) == stats.delivered
            assert stats.delivered + stats.dropped == 150
            assert stats.waiting == 0
            for one in got:
                by_publisher = defaultdict(list)
                for event in one:
                    by_publisher[event.event[0]].append(event.event[1])
                assert all(numbers == sorted(set(numbers)) for numbers in by_publisher.values())
            assert held._feed.runner is not None
            held._feed.runner.stop()
            assert (held.stats().waiting, held.stats().delivered + held.stats().dropped) == (0, 150)


def test_the_actor_of_a_function_never_sleeps_while_something_waits(bus: EventBus) -> None:
    slow = Subscriber()
    bus.subscribe("a", slow)
    for number in range(ROUNDS * 20):
        bus.publish("a", number)
        if number % 3 == 0:
            slow.get(3 if number else 1)  # mostly idle: the next event has to wake it
    assert slow.nothing_left() or slow.get()


def test_close_races_with_everything(system: ActorSystem) -> None:
    told: list[Any] = []
    system.events.subscribe(SubscriptionClosed, told.append)
    system.events.subscribe(DeadLetter, told.append)
    for _ in range(ROUNDS):
        bus = EventBus(system)

        def churn(bus: EventBus = bus) -> str:
            try:
                while True:
                    events = bus.subscribe("#", capacity=2)
                    bus.publish("a.b", 1, retain=True)
                    bus.subscribe("a.*", lambda event: None)
                    events_of(events)
                    events.cancel()
            except BusClosedError:
                return "closed"

        workers = [in_thread(churn) for _ in range(2)]
        bus.publish("a", 1)
        bus.close()
        assert [worker.get(timeout=SAFETY) for worker in workers] == ["closed"] * 2
        assert bus.stats().subscriptions == 0
        assert system.actors() == []
    assert told == []


def test_requests_are_answered_while_responders_come_and_go(bus: EventBus) -> None:
    bus.respond("a", lambda request: request.event)
    stop = threading.Event()

    def come_and_go() -> None:
        while not stop.is_set():
            bus.respond("a", lambda request: request.event).cancel()

    crowd = in_thread(come_and_go)
    try:
        for number in range(ROUNDS * 5):
            assert bus.request("a", number).get(timeout=SAFETY) == number
    finally:
        stop.set()
        crowd.get(timeout=SAFETY)
