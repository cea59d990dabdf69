"""Whoever is cancelled, killed or out of time at a channel takes nothing with it: what it was given goes back, in its old order."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import itertools
import threading
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors import Actor, ActorSystem, Timeout
from actors.channels import Channel, ChannelEmptyError, ChannelEndedError, open_channel, select_async
from tests.channels.kit import (
    PATIENCE,
    Parties,
    Receive,
    Select,
    Send,
    adds_up,
    until,
    until_receivers,
    until_senders,
)

pytestmark = pytest.mark.usefixtures("no_leaks")

# Who can be ended while it waits.
mortal = pytest.mark.parametrize("kind", ["pool", "thread handler", "coroutine", "async handler"])


class Hold:
    """To keep a worker busy."""

    def __init__(self, blocked: threading.Event, release: threading.Event) -> None:
        self.blocked, self.release = blocked, release

    def do(self) -> None:
        self.blocked.set()
        self.release.wait(PATIENCE)


async def turns(number: int = 3) -> None:
    """Let the others on the loop go on."""
    for _ in range(number):
        await asyncio.sleep(0)


# -- given up while nothing came -------------------------------------------------------------------------------------------


@mortal
def test_a_receiver_that_is_given_up_leaves_the_line_and_takes_nothing(parties: Parties, kind: str) -> None:
    channel = Channel[int](0)
    first, second = parties.begin(kind, Receive(channel)), None
    until_receivers(channel, 1)
    second = parties.begin(kind, Receive(channel))
    until_receivers(channel, 2)
    first.give_up()
    until_receivers(channel, 1)
    first.error()
    channel.send(1, timeout=PATIENCE)
    assert second.result() == 1
    assert adds_up(channel)


@mortal
@pytest.mark.parametrize("capacity", [0, 1])
def test_a_sender_that_is_given_up_has_sent_nothing(parties: Parties, kind: str, capacity: int) -> None:
    channel = Channel[int](capacity)
    for number in range(capacity):
        channel.send(number)
    first = parties.begin(kind, Send(channel, 10))
    until_senders(channel, 1)
    second = parties.begin(kind, Send(channel, 11))
    until_senders(channel, 2)
    first.give_up()
    until_senders(channel, 1)
    first.error()
    assert [channel.receive() for _ in range(capacity + 1)] == [*range(capacity), 11]
    second.result()
    assert channel.stats().sent == capacity + 1


@mortal
def test_a_select_that_is_given_up_leaves_all_lines(parties: Parties, kind: str) -> None:
    one, other = Channel[int](0), Channel[int](0)
    selecting = parties.begin(kind, Select(one, other.sending(1), one))
    until(lambda: one.stats().waiting_receivers == 2 and other.stats().waiting_senders == 1)
    selecting.give_up()
    until(lambda: one.stats().waiting_receivers == 0 and other.stats().waiting_senders == 0)
    selecting.error()
    with pytest.raises(Timeout):
        one.send(1, timeout=0)
    with pytest.raises(ChannelEmptyError):
        other.receive_nowait()


def test_a_restart_waits_for_the_handler_which_then_receives(parties: Parties) -> None:
    channel = Channel[int](0)
    receiving = parties.begin("pool", Receive(channel))
    until_receivers(channel, 1)
    assert receiving.ref is not None
    restarted = receiving.ref.restart(block=False)
    until(lambda: restarted.done() or channel.stats().waiting_receivers)
    if channel.stats().waiting_receivers:
        channel.send(1, timeout=PATIENCE)
        assert receiving.result() == 1
    else:
        receiving.error()
    restarted.get(timeout=PATIENCE)
    assert adds_up(channel)


def test_the_end_of_a_system_ends_handlers_that_wait_at_a_channel() -> None:
    channel = Channel[int](0)

    class Waits(Actor):
        def on_receive(self, message: Any) -> Any:
            return channel.receive()

    class WaitsAsync(Actor):
        async def on_receive(self, message: Any) -> Any:
            return await channel.receive_async()

    with ActorSystem() as system:
        for actor_class in (Waits, Waits, WaitsAsync):
            system.spawn(actor_class).tell("wait")
        until_receivers(channel, 3)
        report = system.shutdown(timeout=0.05)
        assert len(report.killed) == 3
    until_receivers(channel, 0)
    with pytest.raises(Timeout):
        channel.send(1, timeout=0)


# -- given up at the moment in which a value was handed over ----------------------------------------------------------------


def test_a_task_that_is_cancelled_when_it_was_given_a_value_gives_it_to_the_next() -> None:
    async def scene() -> None:
        channel = Channel[int](0)
        first = asyncio.create_task(channel.receive_async())
        second = asyncio.create_task(channel.receive_async())
        await turns()
        channel.send_nowait(1)  # handed to the first, which has not run since
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        assert await second == 1
        assert channel.stats().waiting == 0
        assert (channel.stats().sent, channel.stats().received) == (1, 1)

    asyncio.run(scene())


@pytest.mark.parametrize("capacity", [0, 1, 3, None])
def test_values_that_come_back_are_received_before_all_that_came_later(capacity: int | None) -> None:
    async def scene() -> None:
        channel = Channel[int](capacity)
        task = asyncio.create_task(channel.receive_async())
        await turns()
        channel.send_nowait(0)
        later = min(capacity or 0, 3) if capacity is not None else 3
        for number in range(1, later + 1):
            channel.send_nowait(number)
        task.cancel()
        await asyncio.wait([task])
        assert channel.stats().waiting == later + 1
        assert channel.drain() == list(range(later + 1))
        assert adds_up(channel)
        if capacity:  # the room is what it was
            for number in range(capacity):
                channel.send_nowait(number)
        if capacity is not None:
            with pytest.raises(Timeout):
                channel.send(9, timeout=0)

    asyncio.run(scene())


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_values_of_several_that_are_cancelled_together_come_back_in_the_order_sent(order: tuple[int, ...]) -> None:
    async def scene() -> None:
        channel = Channel[int](0)
        tasks = [asyncio.create_task(channel.receive_async()) for _ in range(3)]
        await turns()
        for number in range(3):
            channel.send_nowait(number)
        for index in order:
            tasks[index].cancel()
        await asyncio.wait(tasks)
        assert channel.stats().waiting == 3
        assert [channel.receive_nowait() for _ in range(3)] == [0, 1, 2]

    asyncio.run(scene())


def test_a_send_that_is_cancelled_when_its_value_was_taken_was_sent() -> None:
    async def scene() -> None:
        channel = Channel[int](0)
        task = asyncio.create_task(channel.send_async(1))
        await turns()
        assert channel.receive_nowait() == 1
        task.cancel()
        await asyncio.wait([task])
        assert channel.stats().received == 1
        with pytest.raises(ChannelEmptyError):
            channel.receive_nowait()

    asyncio.run(scene())


def test_time_that_is_up_when_a_value_was_handed_over_is_no_loss() -> None:
    async def scene() -> None:
        channel = Channel[int](0)
        got = []

        async def receive(within: Any) -> None:
            try:
                got.append(await within)
            except TimeoutError:
                got.append(None)
            except Timeout:
                got.append(None)

        for way in range(2):
            for pause in (0.0, 0.002):
                within = channel.receive_async(timeout=0.001) if way else asyncio.wait_for(channel.receive_async(), 0.001)
                task = asyncio.create_task(receive(within))
                await turns()
                time.sleep(pause)  # noqa: ASYNC251  # the timer and the value come in one turn of the loop
                channel.send_nowait(len(got))
                await task
                if got[-1] is None:
                    assert channel.receive_nowait() == len(got) - 1
                else:
                    assert got[-1] == len(got) - 1
                    with pytest.raises(ChannelEmptyError):
                        channel.receive_nowait()

    asyncio.run(scene())


def test_a_select_that_is_cancelled_when_it_was_given_a_value_gives_it_back() -> None:
    async def scene() -> None:
        one, other = Channel[int](0), Channel[int](0)
        task = asyncio.create_task(select_async(one, other, other.sending(3)))
        await turns()
        one.send_nowait(1)
        task.cancel()
        await asyncio.wait([task])
        assert one.receive_nowait() == 1
        for channel in (one, other):
            assert channel.stats().waiting_receivers == channel.stats().waiting_senders == 0

    asyncio.run(scene())


def test_a_handler_that_is_killed_when_it_was_given_a_value_gives_it_back(parties: Parties) -> None:
    for _ in range(20):
        channel = Channel[int](0)
        blocked, release = threading.Event(), threading.Event()
        receiving = parties.begin("pool", Receive(channel))
        until_receivers(channel, 1)

        holding = parties.begin("pool", Hold(blocked, release))  # keeps the worker, on which the receiver is parked, busy
        assert blocked.wait(PATIENCE)
        channel.send(1, timeout=PATIENCE)
        receiving.give_up()
        release.set()
        holding.result()
        try:
            got = receiving.result()
        except BaseException:  # noqa: BLE001
            until(lambda channel=channel: channel.stats().waiting == 1)
            assert channel.receive_nowait() == 1
        else:
            assert got == 1
            assert channel.stats().waiting == 0


def test_values_for_a_loop_that_was_closed_go_to_others() -> None:
    channel = Channel[int](2)
    loop = asyncio.new_event_loop()
    tasks = [loop.create_task(channel.receive_async()) for _ in range(2)]
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()
    assert channel.stats().waiting_receivers == 2
    channel.send(1)
    channel.send(2)
    assert channel.stats().waiting_receivers == 0
    assert channel.stats().waiting == 2
    assert [channel.receive(timeout=0), channel.receive(timeout=0)] == [1, 2]
    for task in tasks:
        task._log_destroy_pending = False  # type: ignore[attr-defined]
    del tasks, task
    gc.collect()


def test_values_for_a_loop_that_was_stopped_with_the_value_on_its_way_are_received_when_it_goes_on() -> None:
    channel = Channel[int](0)
    loop = asyncio.new_event_loop()
    task = loop.create_task(channel.receive_async())
    loop.run_until_complete(asyncio.sleep(0))
    channel.send(1)
    assert loop.run_until_complete(task) == 1
    loop.close()


def test_a_value_on_its_way_to_a_loop_that_is_then_closed_comes_back_with_the_task() -> None:
    channel = Channel[int](0)
    loop = asyncio.new_event_loop()
    task = loop.create_task(channel.receive_async())
    loop.run_until_complete(asyncio.sleep(0))
    channel.send(1)  # wakes the loop, which never runs again
    loop.close()
    task._log_destroy_pending = False  # type: ignore[attr-defined]
    del task, loop
    gc.collect()
    assert channel.receive(timeout=0) == 1


def test_a_value_that_comes_back_to_a_channel_that_nobody_receives_from_counts_as_discarded() -> None:
    async def scene() -> None:
        sender, receiver = open_channel(0, of=int)
        task = asyncio.create_task(receiver.receive_async())
        await turns()
        sender.send_nowait(1)
        assert receiver.close() == []
        task.cancel()
        await asyncio.wait([task])
        stats = sender.stats()
        assert (stats.sent, stats.received, stats.waiting, stats.discarded) == (1, 0, 0, 1)

    asyncio.run(scene())


def test_a_value_that_comes_back_after_the_end_was_told_is_received_before_the_end() -> None:
    async def scene() -> None:
        channel = Channel[int](0)
        first = asyncio.create_task(channel.receive_async())
        second = asyncio.create_task(channel.receive_async())
        await turns()
        channel.send_nowait(1)
        channel.close()
        first.cancel()
        with pytest.raises(ChannelEndedError):
            await second
        await asyncio.wait([first])
        assert [value async for value in channel] == [1]

    asyncio.run(scene())


# -- any cancelling, any order ---------------------------------------------------------------------------------------------

steps = st.lists(
    st.one_of(
        st.tuples(st.just("receive"), st.just(0)),
        st.tuples(st.just("select"), st.just(0)),
        st.tuples(st.just("send"), st.just(0)),
        st.tuples(st.just("put"), st.just(0)),
        st.tuples(st.just("take"), st.just(0)),
        st.tuples(st.just("cancel"), st.integers(0, 20)),
        st.tuples(st.just("turn"), st.integers(1, 3)),
    ),
    max_size=40,
)


@given(capacity=st.sampled_from([0, 1, 2, None]), script=steps)
def test_however_tasks_are_cancelled_every_value_is_received_once_or_waits(capacity: int | None, script: list[tuple[str, int]]) -> None:
    asyncio.run(play(capacity, script))


class Play:
    """One channel on one loop, and tasks that use it."""

    def __init__(self, capacity: int | None) -> None:
        self.channel = Channel[int](capacity)
        self.tasks: list[asyncio.Task[Any]] = []
        self.received: list[int] = []
        self.sent: set[int] = set()
        self.values = itertools.count()

    async def receive(self, _: int) -> None:
        self.received.append(await self.channel.receive_async())

    async def select(self, _: int) -> None:
        self.received.append((await select_async(self.channel, self.channel)).value)

    async def send(self, _: int) -> None:
        value = next(self.values)
        await self.channel.send_async(value)
        self.sent.add(value)

    async def put(self, _: int) -> None:
        value = next(self.values)
        with contextlib.suppress(Timeout):
            self.channel.send(value, timeout=0)
            self.sent.add(value)

    async def take(self, _: int) -> None:
        self.received += self.channel.drain()

    async def cancel(self, number: int) -> None:
        if self.tasks:
            self.tasks[number % len(self.tasks)].cancel()

    async def turn(self, number: int) -> None:
        await turns(number)

    async def end(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


async def play(capacity: int | None, script: list[tuple[str, int]]) -> None:
    it = Play(capacity)
    for verb, number in script:
        doing = getattr(it, verb)(number)
        if verb in {"receive", "select", "send"}:
            it.tasks.append(asyncio.create_task(doing))
        else:
            await doing
        assert adds_up(it.channel)
    await it.end()
    stats = it.channel.stats()
    assert (stats.waiting_senders, stats.waiting_receivers) == (0, 0)
    waiting = it.channel.drain()
    assert stats.waiting == len(waiting)
    assert stats.sent == stats.received + stats.waiting
    everything = [*it.received, *waiting]
    assert len(everything) == len(set(everything)) == stats.sent
    assert it.sent <= set(everything)  # and of sends that were cancelled at that very moment, some
