from __future__ import annotations

import asyncio
from typing import Any

import pytest

from actors import Actor, ActorSystem, Bounded, Future, Overflow, SystemConfig
from actors.channels import open_channel
from actors.events import BusEvent, EventBus, EventDropped, Slow, SubscriptionClosed
from actors.testing import ManualClock
from tests.events.kit import SAFETY, Subscriber, events_of, in_thread


def counts(told: list[Any]) -> list[int]:
    return [one.count for one in told if isinstance(one, EventDropped)]


def test_drop_oldest_keeps_the_newest(bus: EventBus, told: list[Any]) -> None:
    events = bus.subscribe("a", capacity=2)
    assert [bus.publish("a", number) for number in range(4)] == [1] * 4
    assert events_of(events) == [2, 3]
    assert told == [EventDropped("a", 0, "a", Slow.DROP_OLDEST)]
    assert events.stats().dropped == 2


def test_drop_newest_keeps_the_oldest(bus: EventBus, told: list[Any]) -> None:
    events = bus.subscribe("a", capacity=2, slow=Slow.DROP_NEWEST)
    assert [bus.publish("a", number) for number in range(4)] == [1, 1, 0, 0]
    assert events_of(events) == [0, 1]
    assert told == [EventDropped("a", 2, "a", Slow.DROP_NEWEST)]


def test_close_ends_the_subscription_and_what_waits_is_received(bus: EventBus, told: list[Any]) -> None:
    events = bus.subscribe("a", capacity=2, slow=Slow.CLOSE)
    assert [bus.publish("a", number) for number in range(4)] == [1, 1, 0, 0]
    assert [event.event for event in events] == [0, 1]
    assert told == [EventDropped("a", 2, "a", Slow.CLOSE), SubscriptionClosed("a", "it was too slow")]
    assert events.stats().closed_for == "it was too slow"
    assert bus.stats().subscriptions == 0


def test_block_lets_the_publisher_wait_for_room(bus: EventBus, told: list[Any]) -> None:
    events = bus.subscribe("a", capacity=1, slow=Slow.BLOCK)
    publisher = in_thread(lambda: [bus.publish("a", number) for number in range(50)])
    assert [events.receive(timeout=SAFETY).event for _ in range(50)] == list(range(50))
    assert publisher.get(timeout=SAFETY) == [1] * 50
    assert told == []


def test_block_gives_up_after_its_timeout(bus: EventBus, told: list[Any]) -> None:
    events = bus.subscribe("a", capacity=1, slow=Slow.BLOCK, timeout=0)
    assert [bus.publish("a", number) for number in range(3)] == [1, 0, 0]
    assert events_of(events) == [0]
    assert counts(told) == [1]
    assert events.stats().dropped == 2


def test_the_timeout_is_counted_from_when_the_publisher_begins_to_wait_for_all_of_them() -> None:
    clock = ManualClock()
    with ActorSystem(config=SystemConfig(ports=clock.ports())) as system, EventBus(system) as bus:
        slow = [bus.subscribe("a", capacity=1, slow=Slow.BLOCK, timeout=0.01) for _ in range(2)]
        bus.publish("a", 0)
        bus.publish("a", 1)  # waits 0.01 seconds of real time for the first; the clock of the system stands still
        assert [one.stats().dropped for one in slow] == [1, 1]


def test_others_get_the_event_before_the_publisher_waits(bus: EventBus) -> None:
    blocks = bus.subscribe("#", capacity=1, slow=Slow.BLOCK)
    bus.publish("filler", 0)
    fast = bus.subscribe("a")
    publisher = in_thread(lambda: bus.publish("a", 1))
    assert fast.receive(timeout=SAFETY).event == 1
    assert [blocks.receive(timeout=SAFETY).event for _ in range(2)] == [0, 1]
    assert publisher.get(timeout=SAFETY) == 2


def test_a_publisher_that_waits_on_an_event_loop_does_not_block_it(bus: EventBus) -> None:
    events = bus.subscribe("a", capacity=1, slow=Slow.BLOCK)

    async def run() -> list[int]:
        async def publish() -> None:
            for number in range(20):
                assert await bus.publish_async("a", number) == 1

        publisher = asyncio.create_task(publish())
        got = [(await events.receive_async()).event for _ in range(20)]
        await publisher
        return got

    assert asyncio.run(run()) == list(range(20))


def test_what_a_cancelled_publisher_waited_with_is_counted_as_dropped(bus: EventBus, told: list[Any]) -> None:
    slow = [bus.subscribe("a", capacity=1, slow=Slow.BLOCK) for _ in range(3)]

    async def run() -> None:
        await bus.publish_async("a", 0)
        publisher = asyncio.create_task(bus.publish_async("a", 1))
        await asyncio.sleep(0)
        publisher.cancel()
        with pytest.raises(asyncio.CancelledError):
            await publisher

    asyncio.run(run())
    assert [events_of(one) for one in slow] == [[0]] * 3
    assert [one.stats().dropped for one in slow] == [1] * 3
    assert counts(told) == [1] * 3
    stats = bus.stats()
    assert (stats.delivered, stats.dropped) == (3, 3)


def test_a_cancelled_subscription_lets_the_publisher_that_waits_go(bus: EventBus, told: list[Any]) -> None:
    events = bus.subscribe("a", capacity=1, slow=Slow.BLOCK)
    bus.publish("a", 0)
    publisher = in_thread(lambda: bus.publish("a", 1))
    while events._feed.receiver.stats().waiting_senders == 0:  # type: ignore[attr-defined]
        assert not publisher.done()
    events.cancel()
    assert publisher.get(timeout=SAFETY) == 0
    assert [event.event for event in events] == [0]
    assert told == []
    assert (events.stats().delivered, events.stats().dropped) == (1, 0)


def test_a_function_that_publishes_to_itself_does_not_wait_for_itself(bus: EventBus) -> None:
    published: Future[list[int]] = Future()

    def echo(event: BusEvent[int]) -> None:
        if event.event == 0:
            published.set([bus.publish("a", number) for number in range(1, 4)])

    events = bus.subscribe("a", echo, capacity=1, slow=Slow.BLOCK)
    bus.publish("a", 0)
    assert published.get(timeout=SAFETY) == [1, 0, 0]
    assert events.stats().dropped == 2


def test_drops_are_told_by_powers_of_ten_and_the_rest_when_the_burst_is_over(bus: EventBus, told: list[Any]) -> None:
    events = bus.subscribe("a", capacity=2)
    for number in range(2 + 250):
        bus.publish("a", number)
    assert counts(told) == [1, 9, 90]
    events_of(events)
    bus.publish("a", "the burst is over")
    assert counts(told) == [1, 9, 90, 150]
    bus.publish("a", "room")
    bus.publish("a", "no room")
    assert counts(told) == [1, 9, 90, 150, 1]
    assert sum(counts(told)) == events.stats().dropped == 251


def test_a_burst_is_not_over_while_the_subscriber_is_more_than_half_behind(bus: EventBus, told: list[Any]) -> None:
    events = bus.subscribe("a", capacity=10)
    for number in range(15):
        bus.publish("a", number)
    for _ in range(20):  # one in, one out: just fast enough
        events.receive_nowait()
        bus.publish("a", 0)
    bus.publish("a", 1)
    assert counts(told) == [1]


def test_drops_that_were_not_told_are_told_at_the_end_of_the_subscription(bus: EventBus, told: list[Any]) -> None:
    events = bus.subscribe("a", capacity=1)
    for number in range(6):
        bus.publish("a", number)
    events.cancel()
    assert counts(told) == [1, 4]
    assert told[-1].event == 4


def test_a_slow_function_is_bounded_like_everybody(bus: EventBus) -> None:
    slow = Subscriber(held=True)
    events = bus.subscribe("a", slow, capacity=3)
    bus.publish("a", 0)
    assert slow.busy.wait(SAFETY)
    for number in range(1, 8):
        assert bus.publish("a", number) == 1
    assert (events.stats().waiting, events.stats().dropped) == (3, 4)
    slow.go()
    assert slow.get(4) == [0, 5, 6, 7]


class Stuck(Actor):
    """Stays in its handler until it is told to leave it."""

    def on_receive(self, message: Any) -> None:
        if isinstance(message, BusEvent) and isinstance(message.event, Subscriber):
            message.event(message)


@pytest.mark.parametrize(
    ("mailbox", "slow", "got", "dropped"),
    [
        (Bounded(2, Overflow.BLOCK), Slow.DROP_OLDEST, [1, 1, 0], 1),
        (Bounded(2, Overflow.REJECT), Slow.DROP_NEWEST, [1, 1, 0], 1),
        (Bounded(2, Overflow.DROP_NEWEST), Slow.DROP_NEWEST, [1, 1, 1], 0),
        (Bounded(2, Overflow.BLOCK), Slow.CLOSE, [1, 1, 0], 1),
        (Bounded(2, Overflow.BLOCK), Slow.BLOCK, [1, 1, 0], 1),
    ],
)
def test_of_an_actor_the_bound_of_its_mailbox_counts(
    system: ActorSystem, bus: EventBus, mailbox: Bounded, slow: Slow, got: list[int], dropped: int
) -> None:
    holder = Subscriber(held=True)
    ref = system.spawn(Stuck, mailbox=mailbox)
    events = bus.subscribe("a", ref, slow=slow, timeout=0 if slow is Slow.BLOCK else None)
    bus.publish("a", holder)
    assert holder.busy.wait(SAFETY)
    assert [bus.publish("a", number) for number in range(3)] == got
    assert events.stats().dropped == dropped
    assert (events.stats().closed_for is not None) is (slow is Slow.CLOSE)
    holder.go()


def test_a_publisher_waits_for_room_in_a_mailbox_and_in_a_channel(system: ActorSystem, bus: EventBus) -> None:
    holder = Subscriber(held=True)
    ref = system.spawn(Stuck, mailbox=Bounded(1))
    sender, receiver = open_channel(1)
    bus.subscribe("a", ref, slow=Slow.BLOCK)
    bus.subscribe("b", sender, slow=Slow.BLOCK)
    bus.publish("a", holder)
    assert holder.busy.wait(SAFETY)
    bus.publish("a", 1)
    bus.publish("b", 1)
    of_actor, of_channel = in_thread(lambda: bus.publish("a", 2)), in_thread(lambda: bus.publish("b", 2))
    asyncs = in_thread(lambda: asyncio.run(bus.publish_async("a", 3)))
    assert [receiver.receive(timeout=SAFETY).event for _ in range(2)] == [1, 2]
    holder.go()
    assert [one.get(timeout=SAFETY) for one in (of_actor, of_channel, asyncs)] == [1, 1, 1]


def test_a_full_channel_of_the_program_drops_the_newest(bus: EventBus, told: list[Any]) -> None:
    sender, receiver = open_channel(1)
    bus.subscribe("a", sender)
    assert [bus.publish("a", number) for number in range(3)] == [1, 0, 0]
    assert receiver.receive_nowait().event == 0
    assert counts(told) == [1]
