from __future__ import annotations

import asyncio
from typing import Any

import pytest

from actors import Actor, ActorSystem, BlockingInLoopError, Future, Timeout
from actors.channels import ChannelEmptyError, ChannelEndedError, open_channel
from actors.events import BusEvent, EventBus, Slow, SubscriberFailed, SubscriptionClosed
from actors.testing import Probe
from tests.events.kit import SAFETY, Subscriber, events_of, in_thread


class Order:
    pass


class LargeOrder(Order):
    pass


def test_an_event_goes_to_each_subscription_whose_pattern_matches(bus: EventBus) -> None:
    eu, every, other = bus.subscribe("orders.eu.*"), bus.subscribe("#"), bus.subscribe("orders.us.#")
    assert bus.publish("orders.eu.created", 1) == 2
    assert bus.publish("stock", 2) == 1
    assert [events_of(one) for one in (eu, every, other)] == [[1], [1, 2], []]


def test_a_subscriber_gets_topic_and_event(bus: EventBus) -> None:
    events = bus.subscribe("a.*")
    bus.publish("a.b", 1)
    assert events.receive_nowait() == BusEvent("a.b", 1, retained=False)


def test_only_events_of_the_class_are_delivered(bus: EventBus) -> None:
    orders, large = bus.subscribe("#", of=Order), bus.subscribe("#", of=LargeOrder)
    small, big = Order(), LargeOrder()
    assert bus.publish("a", small) == 1
    assert bus.publish("a", big) == 2
    assert bus.publish("a", "no order") == 0
    assert events_of(orders) == [small, big]
    assert events_of(large) == [big]
    assert bus.stats().unheard == 1


def test_two_subscriptions_with_one_pattern_get_each_event_each(bus: EventBus) -> None:
    one, other = bus.subscribe("a"), bus.subscribe("a")
    bus.publish("a", 1)
    one.cancel()
    bus.publish("a", 2)
    assert (events_of(one), events_of(other)) == ([1], [1, 2])


def test_a_subscription_gets_what_is_published_after_it_was_made_and_before_it_is_cancelled(bus: EventBus) -> None:
    bus.publish("a", 0)
    events = bus.subscribe("a")
    assert bus.publish("a", 1) == 1
    events.cancel()
    assert bus.publish("a", 2) == 0
    assert [event.event for event in events] == [1]
    with pytest.raises(ChannelEndedError):
        events.receive(timeout=SAFETY)


def test_a_subscription_is_cancelled_by_its_with_block(bus: EventBus) -> None:
    with bus.subscribe("a") as events:
        bus.publish("a", 1)
        assert events.receive().event == 1
    assert bus.publish("a", 2) == 0
    assert events.stats().closed_for == "it was cancelled"
    assert bus.stats().subscriptions == 0


def test_events_of_one_publisher_come_in_order_to_every_kind_of_subscriber(system: ActorSystem, bus: EventBus) -> None:
    plain, probe = Subscriber(), Probe(system)
    sender, receiver = open_channel(1000)
    seen: list[int] = []

    async def coroutine(event: BusEvent[int]) -> None:
        await asyncio.sleep(0)
        seen.append(event.event)

    iterated = bus.subscribe("a")
    for target in (plain, probe.ref, sender, coroutine):
        bus.subscribe("a", target)
    for number in range(200):
        assert bus.publish("a", number) == 5
    assert plain.get(200) == events_of(iterated) == list(range(200))
    assert [probe.expect(BusEvent).event for _ in range(200)] == list(range(200))
    assert [event.event for event in receiver.drain()] == list(range(200))
    bus.close()
    assert seen == list(range(200))


def test_a_subscription_is_iterated_by_threads_handlers_and_coroutines(system: ActorSystem, bus: EventBus) -> None:
    class Reader(Actor):
        def on_receive(self, message: Any) -> list[int]:
            return [event.event for event in message]

    events = [bus.subscribe("a") for _ in range(3)]
    reader = system.spawn(Reader)

    async def read() -> list[int]:
        return [event.event async for event in events[2]]

    of_thread = in_thread(lambda: [event.event for event in events[0]])
    of_handler = reader.ask(events[1], block=False)
    of_coroutine = in_thread(lambda: asyncio.run(read()))
    for number in range(50):
        bus.publish("a", number)
    for one in events:
        one.cancel()
    for future in (of_thread, of_handler, of_coroutine):
        assert future.get(timeout=SAFETY) == list(range(50))


def test_each_event_is_received_once_however_many_receive(bus: EventBus) -> None:
    events = bus.subscribe("a")
    readers = [in_thread(lambda: [event.event for event in events]) for _ in range(4)]
    for number in range(400):
        bus.publish("a", number)
    events.cancel()
    assert sorted(number for reader in readers for number in reader.get(timeout=SAFETY)) == list(range(400))


def test_receiving_says_whether_nothing_is_there_or_nothing_will_come(bus: EventBus) -> None:
    events = bus.subscribe("a")
    with pytest.raises(ChannelEmptyError):
        events.receive_nowait()
    with pytest.raises(Timeout):
        events.receive(timeout=0)
    with pytest.raises(Timeout):
        asyncio.run(events.receive_async(timeout=0))
    events.cancel()
    with pytest.raises(ChannelEndedError):
        events.receive_nowait()


def test_a_cancelled_receiver_loses_no_event(bus: EventBus) -> None:
    events = bus.subscribe("a")

    async def run() -> int:
        task = asyncio.create_task(events.receive_async())
        await asyncio.sleep(0)
        task.cancel()
        bus.publish("a", 1)
        with pytest.raises(asyncio.CancelledError):
            await task
        return (await events.receive_async()).event

    assert asyncio.run(run()) == 1


def test_a_function_that_raises_is_reported_and_goes_on(bus: EventBus, told: list[Any]) -> None:
    good = Subscriber()

    def fails(event: BusEvent[int]) -> None:
        if event.event == 1:
            raise LookupError("one")
        good(event)

    bus.subscribe("a", fails)
    for number in range(3):
        bus.publish("a", number)
    assert good.get(2) == [0, 2]
    [failure] = told
    assert (type(failure), failure.pattern, str(failure.error)) == (SubscriberFailed, "a", "one")


def test_an_async_function_that_raises_is_reported_and_goes_on(bus: EventBus, told: list[Any]) -> None:
    seen: list[int] = []

    async def fails(event: BusEvent[int]) -> None:
        seen.append(event.event)
        raise LookupError(event.event)

    bus.subscribe("a", fails)
    bus.publish("a", 0)
    bus.publish("a", 1)
    bus.close()
    assert seen == [0, 1]
    assert [type(one) for one in told] == [SubscriberFailed] * 2


@pytest.mark.parametrize("kind", ["plain", "async"])
def test_a_function_that_raises_a_cancellation_is_reported_and_goes_on(bus: EventBus, told: list[Any], kind: str) -> None:
    good = Subscriber()

    def fails(event: BusEvent[int]) -> None:
        if event.event != 1:
            raise asyncio.CancelledError  # as of a task that it awaited, and that somebody else has cancelled
        good(event)

    async def fails_async(event: BusEvent[int]) -> None:
        fails(event)

    bus.subscribe("a", fails if kind == "plain" else fails_async)
    for number in range(2):
        bus.publish("a", number)
    assert good.get() == [1]
    [failure] = told
    assert (type(failure), failure.pattern, type(failure.error)) == (SubscriberFailed, "a", asyncio.CancelledError)


def test_an_async_function_that_is_killed_is_not_reported_as_failed(bus: EventBus, told: list[Any]) -> None:
    begun: Future[bool] = Future()
    ended: Future[str] = Future()

    async def waits(_: BusEvent[int]) -> None:
        begun.set(True)  # as in pykka
        try:
            await asyncio.Event().wait()
        finally:
            ended.set("killed")

    bus.subscribe("a", waits)
    bus.publish("a", 1)
    assert begun.get(timeout=SAFETY)
    bus.close(timeout=0.0)
    assert ended.get(timeout=SAFETY) == "killed"
    assert [one for one in told if isinstance(one, SubscriberFailed)] == []


def test_a_plain_function_that_returns_a_coroutine_is_reported(bus: EventBus, told: list[Any]) -> None:
    async def coroutine(event: BusEvent[int]) -> None:
        raise AssertionError

    bus.subscribe("a", lambda event: coroutine(event))  # noqa: PLW0108  # seen as a plain function
    bus.publish("a", 0)
    bus.close()
    [failure] = told
    assert "pass the async function itself" in str(failure.error)


def test_a_function_gets_one_event_at_a_time(bus: EventBus) -> None:
    running: list[int] = []
    most: list[int] = []

    async def slow(event: BusEvent[int]) -> None:
        running.append(event.event)
        most.append(len(running))
        await asyncio.sleep(0)
        running.remove(event.event)

    bus.subscribe("a", slow)
    for number in range(100):
        bus.publish("a", number)
    bus.close()
    assert most == [1] * 100


def test_the_end_of_an_actor_ends_its_subscriptions(system: ActorSystem, bus: EventBus, told: list[Any]) -> None:
    probe = Probe(system)
    one, two = bus.subscribe("a", probe.ref), bus.subscribe("b", probe.ref)
    probe.ref.stop()
    bus._board.host.stop()  # behind the notice
    assert one.stats().closed_for == two.stats().closed_for == "the actor that is its target has ended"
    assert sorted(told, key=lambda one: one.pattern) == [SubscriptionClosed(pattern, one.stats().closed_for) for pattern in "ab"]


def test_a_dead_actor_gets_nothing_and_ends_the_subscription(system: ActorSystem, bus: EventBus) -> None:
    probe = Probe(system)
    probe.ref.stop()
    events = bus.subscribe("a", probe.ref)
    assert bus.publish("a", 1) == 0
    assert events.stats().closed_for is not None
    assert (events.stats().delivered, events.stats().dropped) == (0, 0)


def test_a_subscription_that_is_cancelled_watches_its_actor_no_more(system: ActorSystem, bus: EventBus, told: list[Any]) -> None:
    probe = Probe(system)
    first, second = bus.subscribe("a", probe.ref), bus.subscribe("b", probe.ref)
    first.cancel()
    assert bus.publish("b", 1) == 1
    second.cancel()
    probe.ref.stop()
    bus._board.host.ask("anything")  # behind what was told before
    assert told == []
    assert second.stats().closed_for == "it was cancelled"


def test_a_closed_channel_ends_its_subscription(bus: EventBus, told: list[Any]) -> None:
    sender, receiver = open_channel(10)
    events = bus.subscribe("a", sender)
    assert bus.publish("a", 1) == 1
    sender.close()
    assert bus.publish("a", 2) == 0
    assert [event.event for event in receiver] == [1]
    assert bus.stats().subscriptions == 0
    assert told == [SubscriptionClosed("a", str(events.stats().closed_for))]


def test_the_channel_of_the_program_stays_open_when_its_subscription_is_cancelled(bus: EventBus) -> None:
    sender, receiver = open_channel(10)
    bus.subscribe("a", sender).cancel()
    sender.send("still open")
    assert receiver.receive_nowait() == "still open"


def test_what_the_check_of_a_channel_refuses_is_told_and_no_matter_of_the_publishers(bus: EventBus, told: list[Any]) -> None:
    sender, _receiver = open_channel(10, of=str)
    events = bus.subscribe("a", sender)
    other = bus.subscribe("a")
    assert bus.publish("a", 1) == 1
    assert events_of(other) == [1]
    assert isinstance(told[0], SubscriberFailed)
    assert events.stats().dropped == 1


def test_publish_says_what_to_write_on_an_event_loop_where_it_might_wait(bus: EventBus) -> None:
    events = bus.subscribe("a", of=int, slow=Slow.BLOCK)

    async def run() -> None:
        with pytest.raises(BlockingInLoopError, match=r"await bus\.publish_async"):
            bus.publish("a", 1, retain=True)
        assert bus.retained() == {}
        assert bus.stats().published == 0
        assert bus.publish("a", "of another class") == 0
        assert bus.publish("b", 1) == 0
        assert await bus.publish_async("a", 2) == 1

    asyncio.run(run())
    assert events_of(events) == [2]


def test_a_bus_works_on_an_event_loop() -> None:
    async def run() -> list[int]:
        async with ActorSystem() as system, EventBus(system) as bus:
            events = bus.subscribe("a", retained=False)
            bus.publish("a", 1)
            await bus.publish_async("a", 2)
            with pytest.raises(BlockingInLoopError, match="close_async"):
                bus.close()
            async with events:
                return [(await events.receive_async()).event for _ in range(2)]

    assert asyncio.run(run()) == [1, 2]


def test_figures_add_up(bus: EventBus) -> None:
    first, second = bus.subscribe("a", capacity=1), bus.subscribe("#", capacity=2, slow=Slow.DROP_NEWEST)
    for number in range(3):
        bus.publish("a", number)
    bus.publish("b", 3)
    first.receive_nowait()
    assert first.stats().delivered == 1
    assert (first.stats().waiting, first.stats().dropped) == (0, 2)
    assert (second.stats().delivered, second.stats().waiting, second.stats().dropped) == (0, 2, 2)
    stats = bus.stats()
    assert (stats.published, stats.delivered, stats.dropped, stats.unheard) == (4, 3, 4, 0)
    assert stats.subscriptions == 2
