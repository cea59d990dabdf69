"""Ends that wait for something outside: async iterables and channels."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from actors import ActorSystem, Future
from actors.channels import Channel, open_channel
from actors.events import CallbackFailed, DeadLetter, DeadLetterReason, EventBus
from actors.streams import OnError, Sink, Source, StageDiedError, StreamCancelled, StreamState
from actors.testing import Simulation, explore, simulate
from tests.streams.test_ending import until
from tests.support import scaled

DUE = 20.0


class Slow:
    """An async source of numbers that waits for ever after some of them, and tells when it was closed."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.closed = threading.Event()

    async def __call__(self) -> AsyncIterator[int]:
        try:
            for number in range(self.count):
                yield number
            await asyncio.Event().wait()
        finally:
            self.closed.set()


async def numbers(count: int) -> AsyncIterator[int]:
    for number in range(count):
        if number % 7 == 0:
            await asyncio.sleep(0)
        yield number


def test_an_async_iterable_gives_its_elements_in_order(system: ActorSystem) -> None:
    source = Source(lambda: numbers(3_000))
    for _ in range(2):
        assert source.to(Sink.collect()).run(system).result(timeout=DUE) == list(range(3_000))


def test_an_async_iterator_can_be_given_itself_and_is_gone_through_once(system: ActorSystem) -> None:
    source = Source(numbers(5))
    assert source.to(Sink.collect()).run(system).result(timeout=DUE) == [0, 1, 2, 3, 4]
    assert source.to(Sink.collect()).run(system).result(timeout=DUE) == []
    with pytest.raises(ValueError, match="cannot begin anew"):
        source.on_error(OnError.RESTART)


@pytest.mark.parametrize("buffer", [1, 3, 512])
def test_no_more_is_awaited_than_there_is_room_for(system: ActorSystem, buffer: int) -> None:
    begun = [0]
    gate = threading.Event()

    async def endless() -> AsyncIterator[int]:
        while True:
            begun[0] += 1
            yield begun[0]
            await asyncio.sleep(0)  # so that the stage hears of each, and must not ask for what it has asked for

    run = Source(endless).map(lambda _: gate.wait(DUE)).to(Sink.collect()).run(system, buffer=buffer)
    until(lambda: begun[0] >= buffer)
    before = run.stats()
    assert before.stages[1].waiting <= buffer
    assert begun[0] <= 2 * buffer + 1  # what waits, what the stage has taken, and the demand for that
    gate.set()
    run.cancel()


def test_what_came_before_an_await_is_passed_on_at_once(system: ActorSystem) -> None:
    slow = Slow(3)
    seen: list[int] = []
    run = Source(slow).to(Sink.each(seen.append)).run(system)
    until(lambda: seen == [0, 1, 2])
    assert run.stats().stages[0].under_way == 1
    run.stop()
    assert run.result(timeout=DUE) == 3
    assert slow.closed.is_set()


@pytest.mark.parametrize("end", ["cancel", "take", "kill", "shutdown", "crash"])
def test_an_async_source_that_waits_is_closed_whatever_ends_the_stream(end: str) -> None:
    slow = Slow(3)
    seen: list[int] = []

    def see(number: int) -> int:
        seen.append(number)
        if end == "crash" and number == 2:
            raise LookupError
        return number

    with ActorSystem() as system:
        source = Source(slow).map(see)
        run = (source.take(3) if end == "take" else source).to(Sink.count()).run(system)
        until(lambda: len(seen) == 3)
        if end == "cancel":
            assert run.cancel()
        elif end == "kill":
            run.ref.kill()
        if end != "shutdown":
            error = run.future.exception(timeout=DUE)
            assert type(error) is {"cancel": StreamCancelled, "take": type(None), "kill": StageDiedError, "crash": LookupError}[end]
            assert slow.closed.wait(DUE)
    assert slow.closed.is_set()


def test_an_iterator_with_an_aclose_is_closed(system: ActorSystem) -> None:
    class Iterator:
        closed = False

        def __aiter__(self) -> Iterator:
            return self

        async def __anext__(self) -> int:
            return 1

        async def aclose(self) -> None:
            await asyncio.sleep(0)
            self.closed = True

    iterator = Iterator()
    assert Source(iterator).take(10).to(Sink.count()).run(system).result(timeout=DUE) == 10
    assert iterator.closed


def test_an_async_source_that_raises_fails_the_stream_after_what_it_gave(system: ActorSystem) -> None:
    async def source() -> AsyncIterator[int]:
        yield 1
        raise LookupError("no more")

    seen: list[int] = []
    with pytest.raises(LookupError, match="no more") as raised:
        Source(source).to(Sink.each(seen.append)).run(system).result(timeout=DUE)
    assert seen == [1]
    assert "'source'" in raised.value.__notes__[0]


def test_an_async_source_that_raises_begins_anew_by_restart(system: ActorSystem) -> None:
    runs: list[int] = []

    async def source() -> AsyncIterator[int]:
        runs.append(1)
        yield len(runs)
        if len(runs) < 3:
            raise LookupError

    stream = Source(source).on_error(OnError.RESTART).to(Sink.collect())
    assert stream.run(system).result(timeout=DUE) == [1, 2, 3]


def test_a_cancellation_that_comes_from_inside_an_async_source_is_its_error(system: ActorSystem) -> None:
    async def source() -> AsyncIterator[int]:
        yield 1
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        Source(source).to(Sink.count()).run(system).result(timeout=DUE)


def test_the_companion_of_a_source_that_is_killed_ends_the_stream(system: ActorSystem) -> None:
    slow = Slow(1)
    run = Source(slow).to(Sink.count()).run(system)
    until(lambda: run.stats().stages[1].taken)
    (puller,) = [ref for ref in system.actors() if type(ref).__name__ and ref.actor_class.__name__ == "Puller"]
    puller.kill()
    with pytest.raises(StageDiedError):
        run.result(timeout=DUE)
    assert slow.closed.wait(DUE)


def test_an_async_source_that_raises_before_its_first_element_is_not_tried_again_for_ever(system: ActorSystem) -> None:
    async def source() -> AsyncIterator[int]:
        raise LookupError
        yield 1

    with pytest.raises(LookupError):
        Source(source).on_error(OnError.RESTART).to(Sink.count()).run(system).result(timeout=DUE)


def test_an_async_source_that_raises_again_and_again_leaves_the_loop_to_others(system: ActorSystem) -> None:
    class Broken:
        calls = 0

        def __aiter__(self) -> Broken:
            return self

        async def __anext__(self) -> int:
            self.calls += 1
            if self.calls == 1 or self.calls > 1_000:  # so that the test ends where this is not so
                return self.calls
            raise LookupError

    source = Broken()
    run = Source(source).on_error(OnError.SKIP, limit=3).to(Sink.count()).run(system, buffer=10)
    with pytest.raises(LookupError):
        run.result(timeout=DUE)
    assert source.calls == 1 + 4


def test_what_an_async_source_raises_when_it_is_closed_is_told(system: ActorSystem) -> None:
    failed: list[CallbackFailed] = []
    system.events.subscribe(CallbackFailed, failed.append)

    async def source() -> AsyncIterator[int]:
        try:
            yield 1
            await asyncio.Event().wait()
        finally:
            raise LookupError

    run = Source(source).to(Sink.count()).run(system)
    until(lambda: run.stats().stages[1].taken)
    run.cancel()
    until(lambda: failed)
    assert [type(one.error) for one in failed] == [LookupError]


class Pulled:
    """An async iterator that notes what it gave. Number 3 comes late: it raises, or keeps its cancellation to itself."""

    def __init__(self, late: str) -> None:
        self.late = late
        self.pulled: list[int] = []

    def __aiter__(self) -> Pulled:
        return self

    async def __anext__(self) -> int:
        if len(self.pulled) == 3:
            if self.late == "raises":
                self.late = "raised"
                raise LookupError
            if self.late == "returns":
                with contextlib.suppress(asyncio.CancelledError):
                    await asyncio.Event().wait()
                await asyncio.sleep(0.7)
        if len(self.pulled) == 6:
            await asyncio.Event().wait()
        self.pulled.append(len(self.pulled))
        return self.pulled[-1]


def lost_in(sim: Simulation) -> list[tuple[int, DeadLetterReason]]:
    """The list in which the dead letters of a simulation will be."""
    letters: list[tuple[int, DeadLetterReason]] = []
    sim.system.events.subscribe(DeadLetter, lambda letter: letters.append((letter.message, letter.reason)))
    return letters


def test_what_an_async_source_gives_when_the_stream_has_gone_on_without_it_is_a_dead_letter() -> None:
    source, seen = Pulled("returns"), list[int]()
    with Simulation() as sim:
        letters = lost_in(sim)
        run = Source(source).to(Sink.each(seen.append)).run(sim.system)
        sim.run()
        run.stop()
        assert run.result() == 3
        assert sim.now == 0.5
        sim.run()
    assert seen == [0, 1, 2]
    assert source.pulled == [0, 1, 2, 3]  # and no more
    assert letters == [(3, DeadLetterReason.STOPPED)]


def test_demand_from_behind_does_not_put_off_that_an_async_source_is_left_behind() -> None:
    seen: list[int] = []
    with Simulation() as sim:
        letters = lost_in(sim)
        run = Source(Pulled("returns")).throttle(2.5).to(Sink.each(seen.append)).run(sim.system, buffer=4)
        while not seen:
            sim.step()
        run.stop()
        run.result()
        sim.run()
    assert seen == [0, 1, 2]
    assert letters == [(3, DeadLetterReason.STOPPED)]


@pytest.mark.parametrize("steps", [8, 12])
def test_what_an_async_source_gave_to_a_stream_that_is_cancelled_is_no_dead_letter(steps: int) -> None:
    def scenario(sim: Simulation) -> None:
        letters = lost_in(sim)
        run = Source(Pulled("never")).to(Sink.count()).run(sim.system)
        for _ in range(steps):
            sim.step()
        run.cancel()
        sim.run()
        assert letters == []

    explore(scenario, runs=scaled(300, 30)).check()


def test_what_an_iterator_gives_when_the_stream_has_gone_on_without_it_is_a_dead_letter() -> None:
    late, seen = Future[int](), list[int]()

    def source() -> Iterator[int]:
        yield from (0, 1, 2)
        yield late.get()

    with Simulation() as sim:
        letters = lost_in(sim)
        run = Source(source).to(Sink.each(seen.append)).run(sim.system)
        sim.run()
        run.stop()
        sim.advance(0.7)
        late.set(3)
        assert run.result() == 3
        sim.run()
    assert seen == [0, 1, 2]
    assert letters == [(3, DeadLetterReason.STOPPED)]


def test_no_async_source_is_pulled_between_an_error_and_its_restart() -> None:
    sources: list[Pulled] = []
    seen: list[int] = []

    def make() -> Pulled:
        sources.append(Pulled("raises" if not sources else "never"))
        return sources[-1]

    with Simulation() as sim:
        run = Source(make).on_error(OnError.RESTART).to(Sink.each(seen.append)).run(sim.system, buffer=12)
        sim.run()
        run.stop()
        run.result()
    assert [source.pulled for source in sources] == [[0, 1, 2], [0, 1, 2, 3, 4, 5]]
    assert seen == [0, 1, 2, 0, 1, 2, 3, 4, 5]


def test_a_source_that_raises_when_it_is_stopped_does_not_begin_anew() -> None:
    begun: list[int] = []

    async def source() -> AsyncIterator[int]:
        begun.append(1)
        yield 1
        try:
            await asyncio.Event().wait()
        finally:
            raise LookupError

    with Simulation() as sim:
        run = Source(source).on_error(OnError.RESTART).to(Sink.count()).run(sim.system)
        sim.run()
        run.stop()
        assert run.result() == 1
        assert sim.now == 0.0
    assert begun == [1]


# -- channels -----------------------------------------------------------------------------------------------------------------


def test_a_channel_is_received_from_until_it_is_closed_and_drained(system: ActorSystem) -> None:
    channel = Channel[int](10)
    run = Source.receive(channel).to(Sink.collect()).run(system)
    for number in range(1_000):
        channel.send(number, timeout=DUE)
    channel.close()
    assert run.result(timeout=DUE) == list(range(1_000))


def test_several_runs_share_a_channel(system: ActorSystem) -> None:
    sender, receiver = open_channel(5, of=int)
    stream = Source.receive(receiver).to(Sink.collect())
    runs = [stream.run(system, buffer=4) for _ in range(3)]
    with sender:
        for number in range(500):
            sender.send(number, timeout=DUE)
    got = [run.result(timeout=DUE) for run in runs]
    assert sorted(number for one in got for number in one) == list(range(500))
    assert all(one == sorted(one) for one in got)


def test_a_run_that_waits_for_a_channel_can_be_stopped_and_cancelled(system: ActorSystem) -> None:
    sender, receiver = open_channel(5, of=int)
    run = Source.receive(receiver).to(Sink.collect()).run(system)
    sender.send(1)
    until(lambda: run.stats().stages[1].taken == 1)
    run.stop()
    assert run.result(timeout=DUE) == [1]
    run = Source.receive(receiver).to(Sink.collect()).run(system)
    run.cancel()
    until(lambda: receiver.stats().waiting_receivers == 0)
    sender.send(2)
    assert receiver.receive(timeout=DUE) == 2  # nobody else has taken it


def test_a_receiver_that_is_closed_under_the_stream_fails_it(system: ActorSystem) -> None:
    _sender, receiver = open_channel(5, of=int)
    run = Source.receive(receiver).to(Sink.collect()).run(system)
    until(lambda: receiver.stats().waiting_receivers == 1)
    receiver.close()
    with pytest.raises(Exception, match="closed"):
        run.result(timeout=DUE)


@pytest.mark.parametrize("capacity", [0, 1, 100, None])
def test_a_stream_goes_through_a_channel_into_another(system: ActorSystem, capacity: int | None) -> None:
    sender, receiver = open_channel(capacity, of=int)
    first = Source(range(1_000)).to(Sink.channel(sender)).run(system, buffer=16)
    second = Source.receive(receiver).to(Sink.collect()).run(system, buffer=16)
    assert second.result(timeout=DUE) == list(range(1_000))
    assert first.result(timeout=DUE) == 1_000
    assert sender.closed


def test_a_full_channel_holds_the_stream_up(system: ActorSystem) -> None:
    sender, receiver = open_channel(3, of=int)
    pulled: list[int] = []
    run = Source(range(100_000)).tap(pulled.append).to(Sink.channel(sender, close=False)).run(system, buffer=8)
    until(lambda: sender.stats().waiting_senders == 1)
    for _ in range(50):
        assert len(pulled) < 3 + 8 * 4 + 256
    assert run.stats().stages[-1].under_way
    run.cancel()
    assert run.future.exception(timeout=DUE)
    until(lambda: sender.stats().waiting_senders == 0)
    assert not sender.closed
    sender.close()
    assert list(receiver) == [0, 1, 2]


def test_a_channel_that_nobody_receives_from_any_more_ends_the_stream(system: ActorSystem) -> None:
    sender, receiver = open_channel(3, of=int)
    closed = threading.Event()

    def endless() -> Any:
        try:
            yield from iter(int, 1)
        finally:
            closed.set()

    run = Source(endless).to(Sink.channel(sender)).run(system)
    assert receiver.receive(timeout=DUE) == 0
    receiver.close()
    assert run.result(timeout=DUE) >= 1
    assert closed.is_set()
    assert run.stats().state is StreamState.SUCCEEDED


def test_a_value_that_is_not_for_the_channel_fails_the_stream(system: ActorSystem) -> None:
    sender, receiver = open_channel(3, of=int)
    with pytest.raises(TypeError, match="is for int"):
        Source([1, "two"]).to(Sink.channel(sender)).run(system).result(timeout=DUE)  # type: ignore[arg-type]
    assert list(receiver) == [1]


@pytest.mark.parametrize("end", ["kill the stream", "kill the stage", "crash", "shutdown"])
def test_the_sender_is_closed_whatever_ends_the_stream(end: str) -> None:
    sender, receiver = open_channel(3, of=int)
    crash = threading.Event()

    def source() -> Any:
        while not crash.is_set():
            yield 1
        raise LookupError

    with ActorSystem() as system:
        run = Source(source).to(Sink.channel(sender)).run(system)
        assert receiver.receive(timeout=DUE) == 1
        if end == "kill the stream":
            run.ref.kill()
        elif end == "kill the stage":
            next(ref for ref in system.actors() if "channel" in ref.path).kill()
        elif end == "crash":
            crash.set()
        if end != "shutdown":
            threading.Thread(target=lambda: list(receiver)).start()
            assert run.future.exception(timeout=DUE) is not None
            until(lambda: sender.closed)
    assert sender.closed
    with contextlib.suppress(Exception):
        receiver.close()


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: Source.receive([1]), r"receiver=\[1\]"),  # type: ignore[arg-type]
        (lambda: Source.receive(open_channel(1)[0]), "receiver="),  # type: ignore[arg-type]
        (lambda: Sink.channel(open_channel(1)[1]), "sender="),  # type: ignore[arg-type]
        (lambda: Sink.channel(open_channel(1)[0], close=1), "close=1"),  # type: ignore[arg-type]
        (lambda: Source(3), "elements=3"),  # type: ignore[arg-type]
    ],
)
def test_bad_arguments_are_refused_at_once(call: Any, text: str) -> None:
    with pytest.raises(TypeError, match=text):
        call()


# -- any order of messages ----------------------------------------------------------------------------------------------------


@simulate(runs=40)
def test_async_sources_and_channels_lose_nothing_in_any_order(sim: Simulation) -> None:
    sender, receiver = open_channel(1, of=int)
    first = Source(lambda: numbers(5)).to(Sink.channel(sender)).run(sim.system, buffer=2)
    second = Source.receive(receiver).map(lambda e: e + 1).to(Sink.collect()).run(sim.system, buffer=2)
    assert second.result() == [1, 2, 3, 4, 5]
    assert first.result() == 5


@simulate(runs=40)
def test_a_run_that_waits_ends_when_it_is_stopped_in_any_order(sim: Simulation) -> None:
    sender, receiver = open_channel(2, of=int)
    letters: list[int] = []
    sim.system.events.subscribe(DeadLetter, lambda letter: letters.append(letter.message))
    run = Source.receive(receiver).to(Sink.collect()).run(sim.system, buffer=2)
    sender.send(1)
    run.stop()
    result = run.result()
    sim.run()
    assert result + letters + receiver.drain() == [1]  # a letter, where the loop is so long in taking it that the stream goes on without it


@pytest.mark.parametrize("kind", ["receiver", "subscription"])
def test_a_source_that_can_be_iterated_both_ways_ends_at_once_while_it_waits(kind: str) -> None:
    with Simulation() as sim:  # time goes on once nothing else can happen
        if kind == "receiver":
            sender, receiver = open_channel(5, of=int)
            give, elements = sender.send, Source(receiver)
        else:
            bus = EventBus(sim.system)
            subscription = bus.subscribe("number", of=int)
            give, elements = (lambda number: bus.publish("number", number)), Source(subscription).map(lambda event: event.event)
        for end in ("stop", "cancel"):
            run = elements.to(Sink.collect()).run(sim.system)
            give(1)
            sim.run()
            before = sim.now
            if end == "stop":
                run.stop()
                assert run.result() == [1]
            else:
                with run:
                    pass
            assert sim.now == before
