"""Channels under the simulator: every order is tried, time is virtual, and who waits for ever is found."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import pytest

from actors import Actor, Timeout
from actors.channels import Channel, ChannelEndedError, ChannelOutsideError, Receiver, Sender, open_channel, select, select_async
from actors.testing import Simulation, StuckError, check_stable, explore, simulate
from actors.testing.oracles import NoDeadlock
from tests.support import scaled

if TYPE_CHECKING:
    from collections.abc import Callable


class Producer(Actor):
    """Sends what it is given, and closes its end."""

    def on_receive(self, message: tuple[Sender[Any], tuple[Any, ...]]) -> None:
        sender, values = message
        with sender:
            for value in values:
                sender.send(value)


class AsyncProducer(Actor):
    """Does as `Producer`, awaiting."""

    async def on_receive(self, message: tuple[Sender[Any], tuple[Any, ...]]) -> None:
        sender, values = message
        async with sender:
            for value in values:
                await sender.send_async(value)


class Consumer(Actor):
    """Returns all it receives."""

    def on_receive(self, receiver: Receiver[Any]) -> tuple[Any, ...]:
        return tuple(receiver)


class AsyncConsumer(Actor):
    """Does as `Consumer`, awaiting."""

    async def on_receive(self, receiver: Receiver[Any]) -> tuple[Any, ...]:
        return tuple([value async for value in receiver])


every_producer = pytest.mark.parametrize("producer", [Producer, AsyncProducer])
every_consumer = pytest.mark.parametrize("consumer", [Consumer, AsyncConsumer])


@every_producer
@every_consumer
@pytest.mark.parametrize("capacity", [0, 1, None])
def test_in_every_order_each_value_is_received_once_and_in_order(
    producer: type[Actor], consumer: type[Actor], capacity: int | None
) -> None:
    """Two who send two values each, two who receive: what one receives may be any part of any mixture, and all of that happens."""
    seen: set[tuple[tuple[Any, ...], ...]] = set()

    def scenario(sim: Simulation) -> None:
        sender, receiver = open_channel(capacity)
        got = [sim.spawn(consumer).ask(receiver, block=False) for _ in range(2)]
        for name in "ab":
            sim.spawn(producer).tell((sender.clone(), (name + "1", name + "2")))
        sender.close()
        sim.run()
        results = tuple(one.get() for one in got)
        assert sorted(itertools.chain(*results)) == ["a1", "a2", "b1", "b2"]
        for values in results:
            for name in "ab":
                mine = [value for value in values if value[0] == name]
                assert mine == sorted(mine)
        stats = receiver.stats()
        assert (stats.sent, stats.received, stats.waiting) == (4, 4, 0)
        seen.add(results)

    explore(scenario, runs=scaled(500, 60)).check()
    assert len(seen) > 5


def mixtures(one: tuple[str, ...], other: tuple[str, ...]) -> set[tuple[str, ...]]:
    """All sequences that have both in their orders."""
    places = itertools.combinations(range(len(one) + len(other)), len(one))
    made = set()
    for chosen in places:
        left, right = iter(one), iter(other)
        made.add(tuple(next(left) if place in chosen else next(right) for place in range(len(one) + len(other))))
    return made


@every_producer
@pytest.mark.parametrize("capacity", [0, 1, 2, None])
def test_exhaustive_exploration_finds_every_mixture_that_there_is_and_no_other(producer: type[Actor], capacity: int | None) -> None:
    seen: set[tuple[str, ...]] = set()

    def scenario(sim: Simulation) -> None:
        sender, receiver = open_channel(capacity, of=str)
        for name in "ab":
            sim.spawn(producer).tell((sender.clone(), (name + "1", name + "2")))
        sender.close()
        got = sim.spawn(AsyncConsumer).ask(receiver, block=False)
        sim.run()
        seen.add(got.get())

    result = explore(scenario, strategy="exhaustive", runs=20_000)
    result.check()
    assert result.exhausted
    # At a rendezvous each value waits for its receiver, and the other may come before. Else who begins sends the first at once, and
    # waits with the second, if at all, before the other begins.
    assert seen == (mixtures(("a1", "a2"), ("b1", "b2")) if capacity == 0 else {("a1", "a2", "b1", "b2"), ("b1", "b2", "a1", "a2")})


def test_a_race_for_one_value_ends_either_way() -> None:
    winners: set[str] = set()

    class Taker(Actor):
        def on_receive(self, message: tuple[Receiver[int], str]) -> None:
            receiver, name = message
            try:
                receiver.receive()
            except ChannelEndedError:
                return
            winners.add(name)

    def scenario(sim: Simulation) -> None:
        sender, receiver = open_channel(1, of=int)
        for name in ("first", "second"):
            sim.spawn(Taker).tell((receiver, name))
        sim.spawn(Producer).tell((sender, (1,)))
        sim.run()

    result = explore(scenario, strategy="exhaustive")
    result.check()
    assert result.exhausted
    assert winners == {"first", "second"}


class Timed(Actor):
    """Receives, for so long."""

    def on_receive(self, message: tuple[Channel[int], float]) -> Any:
        channel, timeout = message
        try:
            return channel.receive(timeout=timeout), self.system.ports.clock.now()
        except Timeout:
            return None, self.system.ports.clock.now()


class AsyncTimed(Actor):
    """Does as `Timed`, awaiting."""

    async def on_receive(self, message: tuple[Channel[int], float]) -> Any:
        channel, timeout = message
        try:
            return await channel.receive_async(timeout=timeout), self.system.ports.clock.now()
        except Timeout:
            return None, self.system.ports.clock.now()


@pytest.mark.parametrize("kind", [Timed, AsyncTimed])
def test_timeouts_pass_in_virtual_time(kind: type[Actor]) -> None:
    with Simulation() as sim:
        channel = Channel[int](0)
        value, when = sim.spawn(kind).ask((channel, 3600.0))
        assert (value, when) == (None, 3600.0)
        assert sim.now == 3600.0
        assert channel.stats().waiting_receivers == 0
        late = sim.spawn(kind).ask((channel, 3600.0), block=False)
        sim.advance(3599.0)
        channel.send(1)
        assert late.get()[0] == 1


def test_a_select_and_the_test_itself_wait_in_virtual_time_too() -> None:
    with Simulation() as sim:
        channels = [Channel[int](0) for _ in range(2)]
        with pytest.raises(Timeout):
            select(*channels, timeout=60.0)
        assert sim.now == 60.0
        with pytest.raises(Timeout):
            channels[0].send(1, timeout=60.0)
        assert sim.now == 120.0


@pytest.mark.parametrize("kind", [Consumer, AsyncConsumer])
def test_a_deadlock_of_channels_is_reported_as_stuck(kind: type[Actor]) -> None:
    with Simulation() as sim:
        channel = Channel[int](0)
        asked = sim.spawn(kind, name="waits").ask(channel, block=False)
        with pytest.raises(StuckError) as caught:
            asked.get()
        assert [wait for wait in caught.value.waiting if "waits" in str(wait)]
    with Simulation() as sim, pytest.raises(StuckError, match="nothing can happen any more"):
        Channel[int](0).receive()


def test_two_who_wait_for_each_others_values_are_found_by_the_oracle() -> None:
    class Swap(Actor):
        def on_receive(self, message: tuple[Channel[int], Channel[int]]) -> None:
            out, into = message
            out.send(1)
            into.receive()

    def scenario(sim: Simulation) -> None:
        sim.check(NoDeadlock())
        one, other = Channel[int](0), Channel[int](0)
        sim.spawn(Swap, name="left").tell((one, other))
        sim.spawn(Swap, name="right").tell((other, one))
        sim.run()

    failure = explore(scenario, runs=20).failure
    assert failure is not None
    assert "handlers wait for ever in /left, /right" in str(failure.error)


class Chooser(Actor):
    """Takes from two channels until both have ended."""

    def on_receive(self, message: tuple[Receiver[Any], ...]) -> tuple[Any, ...]:
        cases, got = list(message), []
        while cases:
            chosen = select(*cases)
            if chosen.ended:
                cases.remove(chosen.case)
            else:
                got.append(chosen.value)
        return tuple(got)


class AsyncChooser(Actor):
    """Does as `Chooser`, awaiting."""

    async def on_receive(self, message: tuple[Receiver[Any], ...]) -> tuple[Any, ...]:
        cases, got = list(message), []
        while cases:
            chosen = await select_async(*cases)
            if chosen.ended:
                cases.remove(chosen.case)
            else:
                got.append(chosen.value)
        return tuple(got)


@pytest.mark.parametrize("chooser", [Chooser, AsyncChooser])
@pytest.mark.parametrize("capacity", [0, 1])
@simulate(runs=scaled(400, 40))
def test_a_select_misses_nothing_in_any_order(sim: Simulation, chooser: type[Actor], capacity: int) -> None:
    ends = [open_channel(capacity) for _ in range(2)]
    asked = sim.spawn(chooser).ask(tuple(receiver for _, receiver in ends), block=False)
    for name, (sender, _) in zip("ab", ends, strict=True):
        sim.spawn(AsyncProducer).tell((sender, (name + "1", name + "2")))
    sim.run()
    assert asked.get() in mixtures(("a1", "a2"), ("b1", "b2"))


def killing(sim: Simulation) -> None:
    """Two who receive; one is killed at some moment, and what was handed to it comes back.

    Meanwhile the other one may have got later values, or have been told of the end.
    """
    sender, receiver = open_channel(0, of=int)
    first = sim.spawn(Consumer)
    first.tell(receiver)
    second = sim.spawn(AsyncConsumer).ask(receiver, block=False)
    sim.spawn(Producer).tell((sender, (1, 2, 3)))
    first.kill(block=False)
    sim.run()
    got = second.get()
    before = receiver.stats()
    left = receiver.drain()
    assert before.sent == before.received + before.waiting == 3
    assert before.waiting == len(left)
    assert len({*got, *left}) == len(got) + len(left)
    # What was with the one who was killed may come late, behind what was handed to the other meanwhile. All else is in order.
    assert any(others == sorted(others) for others in ([one for one in got if one != late] for late in (1, 2, 3)))


def test_a_kill_at_any_moment_leaves_the_channel_whole() -> None:
    explore(killing, runs=scaled(500, 60)).check()


def test_a_scenario_with_channels_is_stable() -> None:
    assert check_stable(killing) > 0


class Caller(Actor):
    """Calls what it is told."""

    def on_receive(self, call: Callable[[], Any]) -> Any:
        return call()


class Looked:
    """Something that one actor does, and what another may see of it."""

    @staticmethod
    def end() -> tuple[Callable[[], Any], Callable[[], Any]]:
        sender, _receiver = open_channel(1)
        clone = sender.clone()
        return clone.close, lambda: clone.closed

    @staticmethod
    def channel() -> tuple[Callable[[], Any], Callable[[], Any]]:
        channel = Channel[int](1)
        return channel.close, lambda: channel.closed

    @staticmethod
    def stats() -> tuple[Callable[[], Any], Callable[[], Any]]:
        channel = Channel[int](1)
        return lambda: channel.send(1), lambda: channel.stats().sent == 1


@pytest.mark.parametrize("make", [Looked.end, Looked.channel, Looked.stats])
def test_exhaustive_exploration_sees_whoever_looks_at_a_channel(make: Callable[[], tuple[Callable[[], Any], Callable[[], Any]]]) -> None:
    seen: set[bool] = set()

    def scenario(sim: Simulation) -> None:
        change, look = make()
        changed, looked = (sim.spawn(Caller).ask(call, block=False) for call in (change, look))
        changed.get()
        seen.add(looked.get())

    assert explore(scenario, strategy="exhaustive").exhausted
    assert seen == {False, True}


@pytest.mark.parametrize(
    "use",
    [
        lambda channel: channel.send_nowait(1),
        lambda channel: channel.receive_nowait(),
        lambda channel: channel.receive(timeout=1.0),
        lambda channel: channel.drain(),
        lambda channel: select(channel, timeout=0),
    ],
)
def test_a_channel_that_was_made_outside_of_the_simulation_is_refused(use: Callable[[Channel[int]], Any]) -> None:
    channel = Channel[int](1, name="made before")

    def scenario(sim: Simulation) -> None:
        sim.spawn(Caller).ask(lambda: use(channel))

    with pytest.raises(ChannelOutsideError, match="made before was made outside of this simulation"):
        simulate(runs=1)(scenario)()
    channel.close()
    assert channel.stats().sent == 0
