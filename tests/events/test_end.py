from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from typing import Any

import pytest

from actors import Actor, ActorSystem, Future, NameTakenError, SystemStoppedError
from actors.channels import ChannelEndedError
from actors.events import (
    BusClosedError,
    BusEvent,
    BusFullError,
    DeadLetter,
    EventBus,
    EventDropped,
    Slow,
    SubscriptionClosed,
)
from actors.testing import Probe
from tests.events.kit import SAFETY, Subscriber, events_of, in_thread


def test_close_ends_iterations_after_what_waits(bus: EventBus, told: list[Any]) -> None:
    events = bus.subscribe("a")
    bus.publish("a", 1)
    bus.close()
    assert [event.event for event in events] == [1]
    assert events.stats().closed_for == "the bus was closed"
    assert told == []


def test_close_wakes_who_waits_for_an_event(bus: EventBus) -> None:
    events = bus.subscribe("a")
    reader = in_thread(lambda: list(events))
    while events._feed.receiver.stats().waiting_receivers == 0:  # type: ignore[attr-defined]
        assert not reader.done()
    bus.close()
    assert reader.get(timeout=SAFETY) == []


def test_close_lets_functions_handle_what_waits(bus: EventBus) -> None:
    slow = Subscriber(held=True)
    seen: list[int] = []

    async def coroutine(event: BusEvent[int]) -> None:
        await asyncio.sleep(0)
        seen.append(event.event)

    bus.subscribe("a", slow)
    bus.subscribe("a", coroutine)
    for number in range(20):
        bus.publish("a", number)
    slow.go()
    bus.close()
    assert slow.get(20) == seen == list(range(20))


def test_a_cancelled_function_handles_what_waits_and_its_actor_ends(system: ActorSystem, bus: EventBus) -> None:
    slow = Subscriber(held=True)
    events = bus.subscribe("a", slow)
    runner = events._feed.runner
    assert runner is not None
    for number in range(5):
        bus.publish("a", number)
    events.cancel()
    bus.publish("a", 5)
    slow.go()
    assert slow.get(5) == list(range(5))
    runner.stop()  # waits for the end under way
    assert slow.nothing_left()
    assert runner not in system.actors()


def test_a_function_may_cancel_its_own_subscription(bus: EventBus) -> None:
    seen: Future[int] = Future()
    events = bus.subscribe("a", lambda event: (events.cancel(), seen.try_set(event.event)))
    bus.publish("a", 1)
    assert seen.get(timeout=SAFETY) == 1
    assert bus.publish("a", 2) == 0


def test_a_function_may_close_the_bus(bus: EventBus) -> None:
    closed: Future[str] = Future()
    bus.subscribe("a", lambda event: (bus.close(), closed.set("closed")))
    bus.publish("a", 1)
    assert closed.get(timeout=SAFETY) == "closed"
    with pytest.raises(BusClosedError):
        bus.publish("a", 2)


def test_a_coroutine_may_close_the_bus(bus: EventBus) -> None:
    closed: Future[str] = Future()

    async def close(event: BusEvent[int]) -> None:
        await bus.close_async()
        closed.set("closed")

    bus.subscribe("a", close)
    bus.publish("a", 1)
    assert closed.get(timeout=SAFETY) == "closed"


def test_after_close_nothing_is_carried(bus: EventBus) -> None:
    bus.publish("kept", 0, retain=True)
    bus.close()
    bus.close()
    for call in (
        lambda: bus.subscribe("a"),
        lambda: bus.subscribe("a", print),
        lambda: bus.respond("a", print),
    ):
        with pytest.raises(BusClosedError):
            call()
    for call in (lambda: bus.publish("a", 1), lambda: asyncio.run(bus.publish_async("a", 1)), lambda: bus.request("a", 1)):
        with pytest.raises(BusClosedError) as caught:
            call()
        assert caught.value.event == 1
    assert bus.retained() == {"kept": 0}
    assert bus.stats().subscriptions == 0


def test_no_actor_is_left_of_a_closed_bus(system: ActorSystem) -> None:
    before = system.actors()
    with EventBus(system) as bus:
        async_function = Probe(system, name="target")

        async def coroutine(event: BusEvent[int]) -> None:
            pass

        for target in (Subscriber(), coroutine, async_function.ref, None):
            bus.subscribe("a", target)
        bus.respond("a", print)
        bus.respond("a", coroutine)
        bus.publish("a", 1)
        assert len(system.actors()) == len(before) + 6
    assert system.actors() == [*before, async_function.ref]


def test_close_kills_a_function_that_does_not_end(bus: EventBus, told: list[Any]) -> None:
    never: Future[None] = Future()
    entered = threading.Event()

    def hangs(event: BusEvent[int]) -> None:
        entered.set()
        never.get()

    events = bus.subscribe("a", hangs)
    for number in range(3):
        bus.publish("a", number)
    assert entered.wait(SAFETY)
    bus.close(timeout=0.01)
    assert events.stats().closed_for == "the bus was closed"
    assert (events.stats().delivered, events.stats().waiting, events.stats().dropped) == (1, 0, 2)


def test_a_killed_actor_of_a_function_ends_its_subscription_and_what_waited_is_counted(bus: EventBus, told: list[Any]) -> None:
    never: Future[None] = Future()
    entered = threading.Event()

    def hangs(event: BusEvent[int]) -> None:
        entered.set()
        never.get()

    events = bus.subscribe("a", hangs)
    for number in range(15):
        bus.publish("a", number)
    assert entered.wait(SAFETY)
    assert events._feed.runner is not None
    events._feed.runner.kill()
    why = "the actor of its function has ended"
    assert events.stats().closed_for == why
    assert (events.stats().delivered, events.stats().waiting, events.stats().dropped) == (1, 0, 14)
    assert sum(one.count for one in told if isinstance(one, EventDropped)) == 14
    assert [one for one in told if isinstance(one, SubscriptionClosed)] == [SubscriptionClosed("a", why)]


def test_the_end_of_the_system_ends_the_bus(no_leaks: None) -> None:
    slow = Subscriber()
    told: list[Any] = []
    with ActorSystem() as system:
        system.events.subscribe(SubscriptionClosed, told.append)
        bus = EventBus(system)
        iterated = bus.subscribe("a")
        bus.subscribe("a", slow)
        bus.publish("a", 1)
    assert [event.event for event in iterated] == [1]
    assert slow.get() == [1]
    assert told == []
    with pytest.raises(BusClosedError):
        bus.publish("a", 2)
    bus.close()
    with pytest.raises(SystemStoppedError):
        EventBus(system)


def test_the_death_of_its_actor_ends_the_bus_and_is_told(system: ActorSystem, bus: EventBus, told: list[Any]) -> None:
    events = bus.subscribe("a")
    bus._board.host.kill()
    with pytest.raises(ChannelEndedError):
        events.receive(timeout=SAFETY)
    with pytest.raises(BusClosedError):
        bus.subscribe("a", print)
    assert told == [SubscriptionClosed("a", "the actor of the bus has ended")]


def test_a_name_is_one_buses_at_a_time(system: ActorSystem) -> None:
    with EventBus(system, name="prices"), pytest.raises(NameTakenError):
        EventBus(system, name="prices")
    with EventBus(system, name="prices") as again:
        assert again.name == "prices"


def test_as_many_subscriptions_as_allowed(system: ActorSystem) -> None:
    with EventBus(system, subscriptions=2) as bus:
        first = bus.subscribe("a")
        bus.respond("a", print)
        actors = len(system.actors())
        for call in (lambda: bus.subscribe("a"), lambda: bus.subscribe("a", print), lambda: bus.respond("a", print)):
            with pytest.raises(BusFullError, match="subscriptions") as caught:
                call()
        assert caught.value.limit == 2
        first.cancel()
        second = bus.subscribe("a", Subscriber())
        assert second.stats().closed_for is None
    assert actors == 2


def test_a_bus_makes_no_dead_letters(system: ActorSystem) -> None:
    letters: list[Any] = []
    system.events.subscribe(DeadLetter, letters.append)
    for _ in range(50):
        with EventBus(system) as bus:
            one, two = bus.subscribe("a", Subscriber()), bus.subscribe("#", Subscriber())
            for number in range(10):
                bus.publish("a", number)
            one.cancel()
            bus.publish("a", 10)
            assert two.stats().dropped == 0
    assert letters == []


def test_nothing_is_kept_of_an_ended_subscription(bus: EventBus) -> None:
    class Event:
        pass

    event = Event()
    gone = weakref.ref(event)
    for slow in (Slow.DROP_OLDEST, Slow.DROP_NEWEST):
        events = bus.subscribe("a", capacity=1, slow=slow)
        bus.publish("a", event)
        bus.publish("a", event)
        events_of(events)
        events.cancel()
    del event, events
    gc.collect()
    assert gone() is None


def test_a_bus_can_be_made_in_a_handler(system: ActorSystem) -> None:
    class Maker(Actor):
        def on_receive(self, message: Any) -> list[int]:
            with EventBus(self.system) as bus, bus.subscribe("a") as events:
                bus.publish("a", message)
                return events_of(events)

    assert system.spawn(Maker).ask(1, timeout=SAFETY) == [1]
