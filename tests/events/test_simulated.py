"""The bus under every order of steps, and in virtual time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from actors import Actor, ReplyHandle, Timeout
from actors.channels import open_channel
from actors.events import BusEvent, EventBus, Slow
from actors.testing import Simulation, check_stable, explore, oracles, simulate
from tests.support import scaled

if TYPE_CHECKING:
    from collections.abc import Callable

RUNS = scaled(full=5000, quick=150)


class Publisher(Actor):
    """Publishes what it is told: (topic, event)."""

    def __init__(self, bus: EventBus, *, retain: bool = False) -> None:
        super().__init__()
        self.bus = bus
        self.retain = retain

    def on_receive(self, message: Any) -> None:
        self.bus.publish(*message, retain=self.retain)


class Reader(Actor):
    """Subscribes when it is told a pattern, and keeps what it gets until the end of the subscription."""

    def __init__(self, bus: EventBus, **options: Any) -> None:
        super().__init__()
        self.bus = bus
        self.options = options
        self.seen: list[BusEvent[Any]] = []

    def on_receive(self, pattern: str) -> None:
        self.seen.extend(self.bus.subscribe(pattern, **self.options))


class Listener(Actor):
    """The target of a subscription that it makes itself when it is told a pattern."""

    def __init__(self, bus: EventBus) -> None:
        super().__init__()
        self.bus = bus
        self.seen: list[BusEvent[Any]] = []

    def on_receive(self, message: Any) -> None:
        if isinstance(message, BusEvent):
            self.seen.append(message)
        else:
            self.bus.subscribe(message, self.actor_ref)


def numbers(events: list[BusEvent[Any]], who: object) -> list[int]:
    return [event.event[1] for event in events if event.event[0] == who]


def subscribers_of_every_kind(sim: Simulation) -> None:
    sim.check(*oracles.contract())
    bus = EventBus(sim.system)
    plain: list[BusEvent[Any]] = []
    awaited: list[BusEvent[Any]] = []

    async def coroutine(event: BusEvent[Any]) -> None:
        awaited.append(event)

    bus.subscribe("#", plain.append)
    bus.subscribe("#", coroutine)
    listener = sim.spawn(Listener, bus)
    bus.subscribe("#", listener)
    reader = sim.spawn(Reader, bus)
    reader.tell("#")
    publishers = [sim.spawn(Publisher, bus) for _ in range(2)]
    for number in range(3):
        for who, publisher in enumerate(publishers):
            publisher.tell(("a.b", (who, number)))
    sim.run()
    bus.close()
    sim.run()
    read = sim.instance(reader).seen
    for events in (plain, awaited, sim.instance(listener).seen):
        assert [numbers(events, who) for who in range(2)] == [[0, 1, 2]] * 2
    for who in range(2):
        assert numbers(read, who) == [0, 1, 2][3 - len(numbers(read, who)) :]
    assert len(sim.system.actors()) == 4  # those of the test


def test_publishers_and_subscribers_of_every_kind_in_all_orders() -> None:
    explore(subscribers_of_every_kind, runs=RUNS).check()


@simulate(runs=RUNS)
def test_a_retained_event_and_what_follows_have_no_gap_in_any_order(sim: Simulation) -> None:
    bus = EventBus(sim.system)
    publisher = sim.spawn(Publisher, bus, retain=True)
    listener, reader = sim.spawn(Listener, bus), sim.spawn(Reader, bus)
    listener.tell("a")
    reader.tell("a")
    for number in range(4):
        publisher.tell(("a", (0, number)))
    sim.run()
    bus.close()
    sim.run()
    for ref in (listener, reader):
        seen = sim.instance(ref).seen
        got = numbers(seen, 0)
        assert got == list(range(got[0], 4))
        assert [event.retained for event in seen[1:]] == [False] * (len(seen) - 1)


@simulate(runs=RUNS)
def test_a_publisher_that_waits_for_a_slow_reader_loses_nothing_in_any_order(sim: Simulation) -> None:
    sim.check(oracles.NoDeadlock())
    bus = EventBus(sim.system)
    events = bus.subscribe("#", capacity=1, slow=Slow.BLOCK)

    class Slowly(Actor):
        def __init__(self) -> None:
            super().__init__()
            self.seen: list[BusEvent[Any]] = []

        def on_receive(self, count: int) -> None:
            self.seen.extend(events.receive() for _ in range(count))

    reader = sim.spawn(Slowly)
    publishers = [sim.spawn(Publisher, bus) for _ in range(2)]
    for number in range(3):
        for who, publisher in enumerate(publishers):
            publisher.tell(("a", (who, number)))
    reader.tell(6)
    sim.run()
    seen = sim.instance(reader).seen
    assert [numbers(seen, who) for who in range(2)] == [[0, 1, 2]] * 2
    assert (events.stats().delivered, events.stats().dropped) == (6, 0)
    bus.close()


@simulate(runs=RUNS)
def test_a_publisher_gives_up_in_virtual_time(sim: Simulation) -> None:
    bus = EventBus(sim.system)
    events = bus.subscribe("#", capacity=1, slow=Slow.BLOCK, timeout=60.0)
    publisher = sim.spawn(Publisher, bus)
    for number in range(3):
        publisher.tell(("a", (0, number)))
    sim.run()
    assert (events.stats().waiting, events.stats().dropped) == (1, 2)
    assert sim.now == 120.0
    bus.close()


@simulate(runs=RUNS)
def test_a_cancel_among_publishers_leaves_no_event_unaccounted_for(sim: Simulation) -> None:
    bus = EventBus(sim.system)
    seen: list[BusEvent[Any]] = []
    events = bus.subscribe("#", seen.append, capacity=2, slow=Slow.DROP_NEWEST)

    class Canceller(Actor):
        def on_receive(self, message: Any) -> None:
            events.cancel()

    sim.spawn(Canceller).tell("now")
    publishers = [sim.spawn(Publisher, bus) for _ in range(2)]
    for number in range(3):
        for who, publisher in enumerate(publishers):
            publisher.tell(("a", (who, number)))
    sim.run()
    stats, all_of_them = events.stats(), bus.stats()
    assert (len(seen), stats.waiting) == (stats.delivered, 0)
    assert stats.delivered + stats.dropped + all_of_them.unheard == 6
    assert (all_of_them.delivered, all_of_them.dropped) == (stats.delivered, stats.dropped)
    bus.close()


@simulate(runs=RUNS)
def test_requests_in_all_orders_and_in_virtual_time(sim: Simulation) -> None:
    bus = EventBus(sim.system)

    class Never(Actor):
        handle: ReplyHandle | None = None

        def on_receive(self, message: Any) -> ReplyHandle:
            self.handle = self.reply_later()
            return self.handle

    class Asker(Actor):
        def on_receive(self, message: tuple[str, float | None]) -> Any:
            topic, timeout = message
            return bus.request(topic, 21, timeout=timeout).get()

    never = sim.spawn(Never)
    bus.respond("#", never)
    bus.respond("double", lambda request: 2 * request.event)
    asker = sim.spawn(Asker)
    assert asker.ask(("double", None)) == 42
    begun = sim.now
    with pytest.raises(Timeout):
        asker.ask(("nobody", 5.0))
    assert sim.now - begun == 5.0
    handle = sim.instance(never).handle
    assert handle is None or handle.cancel_token.cancelled
    bus.close()


@simulate(runs=RUNS)
def test_the_end_of_an_actor_among_publishers_in_all_orders(sim: Simulation) -> None:
    bus = EventBus(sim.system)
    listener = sim.spawn(Listener, bus)
    events = bus.subscribe("#", listener)
    publisher = sim.spawn(Publisher, bus)
    for number in range(3):
        publisher.tell(("a", (0, number)))
    listener.stop(block=False)
    sim.run()
    stats = events.stats()
    assert stats.closed_for is not None
    assert bus.stats().subscriptions == 0
    assert stats.delivered + bus.stats().unheard <= 3
    bus.close()


def two_publishers_and_a_late_reader(sim: Simulation) -> None:
    bus = EventBus(sim.system)
    sender, receiver = open_channel(10)

    class Late(Actor):
        def on_receive(self, message: Any) -> None:
            bus.subscribe("#", sender)

    late = sim.spawn(Late)
    publishers = [sim.spawn(Publisher, bus, retain=True) for _ in range(2)]
    late.tell("now")
    for who, publisher in enumerate(publishers):
        publisher.tell((f"a{who}", (who, 0)))
    sim.run()
    got = receiver.drain()
    assert sorted(event.event for event in got) == [(0, 0), (1, 0)]
    bus.close()


def test_all_orders_there_are() -> None:
    found = explore(two_publishers_and_a_late_reader, strategy="exhaustive", runs=20_000)
    found.check()
    assert found.exhausted


def test_a_run_can_be_repeated() -> None:
    check_stable(two_publishers_and_a_late_reader)
    check_stable(subscribers_of_every_kind)


class Caller(Actor):
    """Calls what it is told."""

    def on_receive(self, call: Callable[[], Any]) -> Any:
        return call()


@pytest.mark.parametrize("of", ["subscription", "bus"])
@pytest.mark.parametrize("full", [False, True])
def test_exhaustive_exploration_sees_whoever_looks_at_figures(of: str, full: bool) -> None:  # a parameter of pytest
    seen: set[int] = set()

    def scenario(sim: Simulation) -> None:
        bus = EventBus(sim.system)
        sender, receiver = open_channel(1)
        subscription = bus.subscribe("a", sender, slow=Slow.BLOCK)
        if full:  # so the publisher may have to wait, and the figures change in a step of their own
            sender.send(None)
            sim.spawn(Caller).tell(receiver.receive)
        figures = subscription if of == "subscription" else bus
        published = sim.spawn(Caller).ask(lambda: bus.publish("a", 1), block=False)
        looked = sim.spawn(Caller).ask(lambda: figures.stats().delivered, block=False)
        published.get()
        seen.add(looked.get())

    assert explore(scenario, strategy="exhaustive").exhausted
    assert seen == {0, 1}


def test_exhaustive_exploration_sees_whoever_looks_at_the_end_of_a_subscription() -> None:
    seen: set[bool] = set()

    def scenario(sim: Simulation) -> None:
        sender, _ = open_channel(1)
        subscription = EventBus(sim.system).subscribe("a", sender)
        cancelled = sim.spawn(Caller).ask(subscription.cancel, block=False)
        looked = sim.spawn(Caller).ask(subscription.stats, block=False)
        cancelled.get()
        seen.add(looked.get().closed_for is None)

    assert explore(scenario, strategy="exhaustive").exhausted
    assert seen == {False, True}
