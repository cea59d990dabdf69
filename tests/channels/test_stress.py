"""Channels under real threads that are switched as often as the interpreter can: nothing is lost, doubled, overtaken or left hanging."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
import threading
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from actors import Actor, ActorSystem, DispatcherKind, Future, Timeout, get_all
from actors.channels import Channel, ChannelClosedError, ChannelEndedError, Receiver, Sender, open_channel, select, select_async
from tests.channels.kit import PATIENCE, until
from tests.support import scaled

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = [pytest.mark.usefixtures("restless", "no_leaks"), pytest.mark.long, pytest.mark.timeout(900)]

every_capacity = pytest.mark.parametrize("capacity", [0, 1, 2, 7, None])


class Crew:
    """Threads that work at the same time."""

    def __init__(self) -> None:
        self.threads: list[threading.Thread] = []
        self.errors: list[BaseException] = []
        self.start = threading.Event()

    def add(self, work: Callable[..., object], *args: Any) -> None:
        def run() -> None:
            self.start.wait(PATIENCE)
            try:
                work(*args)
            except BaseException as error:  # noqa: BLE001  # raised in join
                self.errors.append(error)

        thread = threading.Thread(target=run, daemon=True, name=f"{work.__name__}{args}")
        thread.start()
        self.threads.append(thread)

    def join(self, *channels: Any) -> None:
        """Let them begin, and wait until all have ended."""
        self.start.set()
        for thread in self.threads:
            thread.join(PATIENCE * 2)
        hanging = [thread.name for thread in self.threads if thread.is_alive()]
        if self.errors:
            raise self.errors[0]
        assert not hanging, f"{hanging} hang at {[one.stats() for one in channels]}"


def assert_in_order(values: list[tuple[int, int]]) -> None:
    latest: dict[int, int] = {}
    for sender, number in values:
        assert number > latest.get(sender, -1), f"{sender}: {number} after {latest[sender]}"
        latest[sender] = number


@every_capacity
@pytest.mark.parametrize(("senders", "receivers"), [(1, 1), (4, 1), (1, 4), (4, 4)])
def test_every_value_is_received_once_and_in_the_order_of_its_sender(capacity: int | None, senders: int, receivers: int) -> None:
    each = scaled(20_000, 800)
    sender, receiver = open_channel(capacity)
    got: list[list[tuple[int, int]]] = [[] for _ in range(receivers)]
    crew = Crew()

    def send(me: int, end: Sender[Any]) -> None:
        with end:
            for number in range(each):
                end.send((me, number))

    def receive(me: int) -> None:
        for value in receiver:
            got[me].append(value)

    for me in range(receivers):
        crew.add(receive, me)
    for me in range(senders):
        crew.add(send, me, sender.clone())
    sender.close()
    crew.join(receiver)
    for values in got:
        assert_in_order(values)
    assert Counter(itertools.chain(*got)) == Counter((me, number) for me in range(senders) for number in range(each))
    stats = receiver.stats()
    assert (stats.sent, stats.received, stats.waiting, stats.discarded) == (senders * each, senders * each, 0, 0)
    assert (stats.waiting_senders, stats.waiting_receivers) == (0, 0)


class Closing:
    """Three who send and two who receive, until the channel is closed in the middle of it."""

    def __init__(self, capacity: int | None, way: str) -> None:
        self.way = way
        sender, receiver = open_channel(capacity)
        both: Any = Channel[Any](capacity)
        self.out, self.into = (both, both) if way == "channel" else (sender, receiver)
        self.sent: list[list[Any]] = [[] for _ in range(3)]
        self.back: list[list[Any]] = [[] for _ in range(3)]
        self.got: list[list[Any]] = [[] for _ in range(2)]
        self.left: list[Any] = []
        self.begun = threading.Event()

    def send(self, me: int) -> None:
        for value in ((me, number) for number in itertools.count()):
            try:
                self.out.send(value)
            except ChannelClosedError as error:
                self.back[me].append(error.value)
                return
            self.sent[me].append(value)

    def receive(self, me: int) -> None:
        with contextlib.suppress(ChannelClosedError):
            for value in self.into:
                self.got[me].append(value)
                if len(self.got[me]) > 5:
                    self.begun.set()

    def close(self) -> None:
        self.begun.wait(PATIENCE)
        self.left += (self.into if self.way == "receivers" else self.out).close() or []

    def check(self) -> None:
        if self.way != "receivers":
            self.left += self.into.drain()
        fate = Counter(itertools.chain(*self.got, self.left))
        assert fate == Counter(itertools.chain(*self.sent))
        assert [len(values) for values in self.back] == [1, 1, 1]
        assert not set(fate) & set(itertools.chain(*self.back))
        for values in (*self.got, self.left):
            assert_in_order(values)
        stats = self.out.stats()
        assert stats.sent == fate.total() == stats.received + stats.discarded
        assert (stats.waiting, stats.waiting_senders, stats.waiting_receivers) == (0, 0, 0)


@every_capacity
@pytest.mark.parametrize("way", ["channel", "senders", "receivers"])
def test_a_close_in_the_middle_leaves_no_value_without_a_fate(capacity: int | None, way: str) -> None:
    for _ in range(scaled(600, 40)):
        it = Closing(capacity, way)
        crew = Crew()
        for me in range(3):
            crew.add(it.send, me)
        for me in range(2):
            crew.add(it.receive, me)
        crew.add(it.close)
        crew.join(it.out)
        it.check()


@every_capacity
def test_waits_that_time_out_all_the_time_lose_nothing(capacity: int | None) -> None:  # small parts of one scene
    each, pairs = scaled(4000, 250), 3
    channel = Channel[tuple[int, int]](capacity)
    got: list[list[tuple[int, int]]] = [[] for _ in range(pairs)]
    finished = threading.Event()
    crew = Crew()

    def send(me: int) -> None:
        dice = random.Random(me)
        for number in range(each):
            while True:
                try:
                    channel.send((me, number), timeout=dice.choice((0, 1e-6, 1e-4)))
                    break
                except Timeout:
                    pass

    def receive(me: int) -> None:
        dice = random.Random(-me)
        while not finished.is_set() or channel.stats().waiting:
            with contextlib.suppress(Timeout):
                got[me].append(channel.receive(timeout=dice.choice((0, 1e-6, 1e-4))))
            if sum(len(values) for values in got) == pairs * each:
                finished.set()

    for me in range(pairs):
        crew.add(send, me)
        crew.add(receive, me)
    crew.join(channel)
    for values in got:
        assert_in_order(values)
    assert Counter(itertools.chain(*got)) == Counter((me, number) for me in range(pairs) for number in range(each))
    stats = channel.stats()
    assert (stats.waiting, stats.waiting_senders, stats.waiting_receivers) == (0, 0, 0)


@every_capacity
def test_selects_receives_timeouts_and_cancelled_tasks_share_channels(capacity: int | None) -> None:  # noqa: C901  # small parts of one scene
    each = scaled(4000, 250)
    channels = [Channel[tuple[int, int]](capacity) for _ in range(2)]
    total = 4 * each
    got: list[list[tuple[int, int]]] = [[] for _ in range(5)]
    crew = Crew()

    def over() -> bool:
        return sum(len(values) for values in got) >= total

    def send(me: int) -> None:
        dice = random.Random(me)
        for number in range(each):
            value = (me, number)
            if me % 2:
                select(*(one.sending(value) for one in dice.sample(channels, 2)), timeout=PATIENCE)
            else:
                dice.choice(channels).send(value, timeout=PATIENCE)

    def receive_selected(me: int) -> None:
        while not over():
            with contextlib.suppress(Timeout):
                got[me].append(select(*channels, channels[0], timeout=1e-4).value)

    def receive_plain(me: int) -> None:
        dice = random.Random(me)
        while not over():
            with contextlib.suppress(Timeout):
                got[me].append(dice.choice(channels).receive(timeout=1e-4))

    async def receive_some(me: int) -> None:
        while not over():
            task = asyncio.create_task(channels[me % 2].receive_async() if me % 2 else select_value())
            for _ in range(me):
                await asyncio.sleep(0)
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                got[me].append(await task)

    async def select_value() -> tuple[int, int]:
        value: tuple[int, int] = (await select_async(*channels)).value
        return value

    for me in range(4):
        crew.add(send, me)
    crew.add(receive_selected, 0)
    crew.add(receive_plain, 1)
    crew.add(receive_plain, 2)
    crew.add(lambda: asyncio.run(receive_some(3)))
    crew.add(lambda: asyncio.run(receive_some(4)))
    crew.join(*channels)
    assert Counter(itertools.chain(*got)) == Counter((me, number) for me in range(4) for number in range(each))
    for one in channels:
        stats = one.stats()
        assert (stats.waiting, stats.waiting_senders, stats.waiting_receivers) == (0, 0, 0)
        assert stats.sent == stats.received


def test_a_close_ends_selects_that_other_channels_serve_at_that_very_moment() -> None:
    for _ in range(scaled(5000, 300)):
        closing, busy = Channel[int](0), Channel[int](1)
        ended = []
        crew = Crew()

        def wait(closing: Any = closing, busy: Any = busy, ended: Any = ended) -> None:
            while not (chosen := select(closing, busy, timeout=PATIENCE)).ended:
                assert chosen.value == 1
            ended.append(chosen.index)

        def disturb(busy: Any = busy, ended: Any = ended) -> None:
            while len(ended) < 2:
                try:
                    busy.send(1, timeout=0)
                    busy.receive(timeout=0)
                except Timeout:
                    pass

        crew.add(wait)
        crew.add(wait)
        crew.add(disturb)
        crew.add(closing.close)
        crew.join(closing, busy)
        assert ended == [0, 0]


class Source(Actor):
    """Sends so many values."""

    def on_receive(self, message: tuple[int, Sender[Any], int]) -> None:
        me, sender, each = message
        with sender:
            for number in range(each):
                sender.send((me, number))


class AsyncSource(Actor):
    """Sends so many values, awaiting."""

    async def on_receive(self, message: tuple[int, Sender[Any], int]) -> None:
        me, sender, each = message
        async with sender:
            for number in range(each):
                await sender.send_async((me, number))


class Sink(Actor):
    """Receives all."""

    def on_receive(self, message: Receiver[Any]) -> list[Any]:
        return list(message)


class AsyncSink(Actor):
    """Receives all, awaiting."""

    async def on_receive(self, message: Receiver[Any]) -> list[Any]:
        return [value async for value in message]


@every_capacity
def test_handlers_of_all_dispatchers_share_one_channel(capacity: int | None) -> None:
    each = scaled(5000, 300)
    sender, receiver = open_channel(capacity)
    sources = [(Source, DispatcherKind.POOL), (Source, DispatcherKind.POOL), (Source, DispatcherKind.THREAD), (AsyncSource, None)]
    sinks = [(Sink, DispatcherKind.POOL), (Sink, DispatcherKind.THREAD), (AsyncSink, None), (AsyncSink, None)]
    with ActorSystem() as system:
        asked: list[Future[Any]] = [system.spawn(kind, dispatcher=where).ask(receiver, block=False) for kind, where in sinks]
        for me, (kind, where) in enumerate(sources):
            asked.append(system.spawn(kind, dispatcher=where).ask((me, sender.clone(), each), block=False))
        sender.close()
        got = get_all(asked, timeout=PATIENCE * 2)[: len(sinks)]
    for values in got:
        assert_in_order(values)
    assert Counter(itertools.chain(*got)) == Counter((me, number) for me in range(4) for number in range(each))


class OneValue(Actor):
    """Receives one value and notes it."""

    def on_receive(self, message: tuple[Channel[int], list[int]]) -> None:
        channel, got = message
        got.append(channel.receive())


class OneValueAsync(Actor):
    """Receives one value and notes it, awaiting."""

    async def on_receive(self, message: tuple[Channel[int], list[int]]) -> None:
        channel, got = message
        got.append(await channel.receive_async())


@pytest.mark.parametrize("kind", [OneValue, OneValueAsync])
def test_handlers_that_are_killed_at_any_moment_lose_no_value(kind: type[Actor]) -> None:
    rounds = scaled(3000, 150)
    with ActorSystem() as system:
        for number in range(rounds):
            channel, got = Channel[int](0), []
            refs = [system.spawn(kind) for _ in range(3)]
            for ref in refs:
                ref.tell((channel, got))
            until(lambda channel=channel: channel.stats().waiting_receivers == 3)
            sending = threading.Thread(target=lambda channel=channel: [channel.send(value, timeout=PATIENCE) for value in range(2)])
            sending.start()
            for _ in range(number % 7):
                threading.Event().wait(0)
            refs[0].kill(block=False)
            refs[1].kill(block=False)
            refs[0].kill(timeout=PATIENCE)
            refs[1].kill(timeout=PATIENCE)
            # one is left, which gets a value; the other value is with one that was killed too late, or came back
            collected: list[int] = []

            def collect(channel: Any = channel, got: Any = got, collected: Any = collected) -> bool:
                with contextlib.suppress(Timeout):
                    collected.append(channel.receive(timeout=0))
                return len(got) + len(collected) == 2

            until(collect)
            sending.join(PATIENCE)
            assert not sending.is_alive()
            refs[2].kill(timeout=PATIENCE)
            assert sorted([*got, *collected]) == [0, 1]
            assert channel.stats().received == 2


def test_ends_are_closed_while_others_wait_and_all_come_back() -> None:  # noqa: C901  # small parts of one scene
    for _ in range(scaled(2000, 100)):
        sender, receiver = open_channel(0)
        ends = [sender, sender.clone()], [receiver, receiver.clone()]
        crew = Crew()
        fates: list[str] = []

        def send(end: Any, fates: Any = fates) -> None:
            try:
                while True:
                    end.send(1)
            except ChannelClosedError:
                fates.append("sender")

        def receive(end: Any, fates: Any = fates) -> None:
            try:
                while True:
                    end.receive()
            except (ChannelClosedError, ChannelEndedError):
                fates.append("receiver")

        def close(ends: list[Any]) -> None:
            for end in ends:
                end.close()

        for end in ends[0]:
            crew.add(send, end)
        for end in ends[1]:
            crew.add(receive, end)
        crew.add(close, ends[0])
        crew.add(close, ends[1])
        crew.join(sender)
        assert sorted(fates) == ["receiver"] * 2 + ["sender"] * 2
        assert sender.stats().sent == sender.stats().received


def test_a_clone_that_is_made_while_the_last_receiver_is_closed_opens_no_closed_channel() -> None:
    for _ in range(scaled(20_000, 1500)):
        sender, receiver = open_channel(1)
        crew = Crew()
        clones: list[Receiver[Any]] = []
        refused: list[bool] = []

        def clone(receiver: Receiver[Any] = receiver, clones: list[Receiver[Any]] = clones) -> None:
            with contextlib.suppress(ChannelClosedError):
                clones.append(receiver.clone())

        def close(sender: Sender[Any] = sender, receiver: Receiver[Any] = receiver, refused: list[bool] = refused) -> None:
            receiver.close()
            try:
                sender.send_nowait(1)
            except ChannelClosedError:
                refused.append(True)

        crew.add(clone)
        crew.add(close)
        crew.join(receiver)
        assert bool(clones) is not bool(refused)
