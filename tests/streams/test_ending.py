"""How streams end: by themselves, stopped, cancelled, with their system; and what they leave behind."""

from __future__ import annotations

import asyncio
import gc
import itertools
import sys
import threading
import time
import weakref
from collections.abc import Iterator
from typing import Any

import pytest

from actors import ActorSystem, Future, SystemConfig, Timeout
from actors.events import DeadLetter
from actors.streams import Sink, Source, StageDiedError, StageState, StreamCancelled, StreamEnded, StreamRun, StreamState
from actors.testing import ManualClock
from tests.support import scaled

DUE = 20.0


def until(condition: Any) -> None:
    """Wait for what is sure to come."""
    end = time.monotonic() + DUE
    while not condition():
        assert time.monotonic() < end, "it has not come"
        time.sleep(0.001)


class Closing:
    """A source of numbers that tells when it was closed."""

    def __init__(self) -> None:
        self.closed = threading.Event()

    def __call__(self) -> Iterator[int]:
        try:
            yield from itertools.count()
        finally:
            self.closed.set()


def test_stop_lets_through_what_is_under_way(system: ActorSystem) -> None:
    given: list[int] = []
    source = Closing()
    running = Source(source).tap(given.append).map(lambda e: e).to(Sink.collect()).run(system)
    until(lambda: len(given) > 1000)
    running.stop()
    assert running.result(timeout=DUE) == given
    assert source.closed.is_set()
    assert running.stats().state is StreamState.SUCCEEDED


def test_stop_before_anything_ends_with_nothing(system: ActorSystem) -> None:
    running = Source(itertools.count()).to(Sink.count()).run(system)
    running.stop()
    assert running.result(timeout=DUE) >= 0


def test_stop_twice_and_after_the_end_changes_nothing(system: ActorSystem) -> None:
    running = Source(range(3)).to(Sink.count()).run(system)
    running.stop()
    running.stop()
    assert running.result(timeout=DUE) in range(4)
    running.stop()
    assert not running.cancel()


def test_cancel_ends_it_and_closes_the_source(system: ActorSystem) -> None:
    ended: list[StreamEnded] = []
    system.events.subscribe(StreamEnded, ended.append)
    source = Closing()
    running = Source(source).map(lambda e: e).to(Sink.count()).run(system, name="mine")
    until(lambda: running.stats().stages[-1].taken)
    assert running.cancel()
    assert not running.cancel()
    with pytest.raises(StreamCancelled) as caught:
        running.result(timeout=DUE)
    assert caught.value.stream == "mine"
    assert source.closed.wait(DUE)
    assert running.stats().state is StreamState.CANCELLED
    until(lambda: ended)
    assert [(one.stream, one.state) for one in ended] == [("mine", StreamState.CANCELLED)]


def test_to_cancel_the_future_is_to_cancel_the_stream(system: ActorSystem) -> None:
    source = Closing()
    with Source(source).to(Sink.count()).run(system) as running:
        until(lambda: running.stats().stages[-1].taken)
        running.future.cancel()
        assert running.stats().state is StreamState.CANCELLED
        assert source.closed.wait(DUE)
        assert not running.cancel()


def test_the_end_of_a_with_cancels(system: ActorSystem) -> None:
    source = Closing()
    with Source(source).to(Sink.ignore()).run(system) as running:
        until(lambda: running.stats().stages[-1].taken)
    assert source.closed.is_set()
    assert running.done
    assert system.actors() == []


def test_the_end_of_an_async_with_cancels(system: ActorSystem) -> None:
    source = Closing()

    async def main() -> None:
        async with Source(source).to(Sink.ignore()).run(system) as running:
            await asyncio.to_thread(until, lambda: running.stats().stages[-1].taken)

    asyncio.run(main())
    assert source.closed.is_set()
    assert system.actors() == []


def test_a_result_is_not_changed_by_the_end_of_a_with(system: ActorSystem) -> None:
    with Source(range(3)).to(Sink.count()).run(system) as running:
        assert running.result(timeout=DUE) == 3
    assert running.result(timeout=DUE) == 3


def test_the_source_is_closed_when_nobody_wants_more(system: ActorSystem) -> None:
    source = Closing()
    assert Source(source).take(5).to(Sink.collect()).run(system).result(timeout=DUE) == [0, 1, 2, 3, 4]
    assert source.closed.is_set()


def test_a_source_is_closed_at_once_and_not_with_the_stream(system: ActorSystem) -> None:
    source, gate = Closing(), threading.Event()

    def later() -> Iterator[int]:
        gate.wait(DUE)
        yield 5

    running = Source(source).take(5).concat(Source(later)).to(Sink.collect()).run(system)
    assert source.closed.wait(DUE)
    assert not running.done
    gate.set()
    assert running.result(timeout=DUE) == [0, 1, 2, 3, 4, 5]


def test_shutdown_in_the_middle_ends_everything() -> None:
    source = Closing()
    system = ActorSystem()
    running = Source(source).map(lambda e: e).to(Sink.ignore()).run(system)
    until(lambda: running.stats().stages[-1].taken)
    report = system.shutdown(timeout=DUE)
    assert report.killed == ()
    assert source.closed.is_set()
    with pytest.raises(StreamCancelled):
        running.result(timeout=DUE)
    running.stop()
    assert not running.cancel()


@pytest.mark.parametrize("stuck", [False, True])
def test_a_kill_of_the_stream_closes_its_source(system: ActorSystem, stuck: bool) -> None:
    closed, gate = threading.Event(), threading.Event()

    def source() -> Iterator[int]:
        try:
            for i in itertools.count():
                yield i
                if stuck and i == 100:
                    gate.wait(DUE)
        finally:
            closed.set()

    running = Source(source).map(lambda e: e).to(Sink.ignore()).run(system)
    until(lambda: running.stats().stages[-1].taken > 100)
    running.ref.kill()
    with pytest.raises(StageDiedError):
        running.result(timeout=DUE)
    gate.set()
    assert closed.wait(DUE)


def test_a_timeout_of_the_result_leaves_the_stream_alone(system: ActorSystem) -> None:
    running = Source(itertools.count()).to(Sink.ignore()).run(system)
    with pytest.raises(Timeout):
        running.result(timeout=0.01)
    assert not running.done
    running.cancel()


# -- what never ends ---------------------------------------------------------------------------------------------------------


def forever(_: int) -> Iterator[int]:
    return itertools.repeat(0)


@pytest.mark.parametrize("how", ["stop", "cancel"])
def test_a_stage_that_yields_for_ever_can_be_ended(system: ActorSystem, how: str) -> None:
    """Stop ends sources; the stage that goes on for ever after its source has ended is ended by cancel only."""
    source: Source[int] = Source(itertools.count()) if how == "stop" else Source([1]).flat_map(forever)
    running = source.filter(lambda _: False).to(Sink.count()).run(system)
    until(lambda: running.stats().stages[-2].taken > 1000)
    if how == "stop":
        running.stop()
        assert running.result(timeout=DUE) == 0
    else:
        assert running.cancel()
        with pytest.raises(StreamCancelled):
            running.result(timeout=DUE)


def test_a_slow_consumer_holds_its_source_up(system: ActorSystem) -> None:
    """Nothing is pulled that nobody has room for, however long the consumer takes."""
    gate = threading.Event()
    pulled: list[int] = []

    def source() -> Iterator[int]:
        for i in itertools.count():
            pulled.append(i)
            yield i

    running = Source(source).map(lambda e: e).to(Sink.each(lambda _: gate.wait())).run(system, buffer=16)
    until(
        lambda: (
            running.stats().stages[0].state is StageState.WAITS_FOR_ROOM and running.stats().stages[1].state is StageState.WAITS_FOR_ROOM
        )
    )
    assert len(pulled) <= 3 * 16
    stuck = running.stats().stuck()
    assert stuck is not None
    assert stuck.kind == "each"
    running.cancel()
    gate.set()


def test_a_source_that_is_stuck_does_not_hold_up_the_end(system: ActorSystem) -> None:
    gate = threading.Event()
    closed = threading.Event()

    def source() -> Iterator[int]:
        try:
            yield 1
            gate.wait()
            yield 2
        finally:
            closed.set()

    for how in ("take", "stop", "cancel"):
        stream = Source(source).take(1 if how == "take" else 10).to(Sink.collect())
        running = stream.run(system)
        until(lambda: running.stats().stages[-1].taken)  # noqa: B023  # called at once
        if how == "cancel":
            running.cancel()
            with pytest.raises(StreamCancelled):
                running.result(timeout=DUE)
        else:
            if how == "stop":
                running.stop()
            assert running.result(timeout=DUE) == [1]
    gate.set()
    assert closed.wait(DUE)


@pytest.mark.parametrize("kind", ["source", "call", "awaiting calls"])
def test_a_shutdown_cancels_what_is_under_way_and_waits_for_no_call(kind: str) -> None:
    begun, gate = threading.Event(), threading.Event()

    def stuck(element: int) -> int:
        begun.set()
        gate.wait(DUE)
        return element

    async def awaits(element: int) -> int:
        begun.set()
        await asyncio.sleep(DUE)
        return element

    if kind == "source":
        source = Source(map(stuck, itertools.count()))
    else:
        source = Source(itertools.count()).map(stuck if kind == "call" else awaits, parallel=1 if kind == "call" else 3)
    system = ActorSystem()
    running = source.to(Sink.count()).run(system)
    assert begun.wait(DUE)
    report = system.shutdown(timeout=DUE / 2)
    gate.set()
    assert report.killed == ()
    with pytest.raises(StreamCancelled):
        running.result(timeout=0)


def test_a_sink_that_blocks_keeps_no_other_stream_from_starting() -> None:
    for _ in range(scaled(200, 30)):
        gate = threading.Event()
        with ActorSystem() as system:
            runs = [Source([1, 2]).to(Sink.each(lambda _, gate=gate: gate.wait(DUE))).run(system) for _ in range(5)]
            until(lambda: all(stage.taken for run in runs for stage in run.stats().stages[1:]))  # noqa: B023  # called at once
            gate.set()


def test_stop_again_and_again_does_not_put_the_end_off() -> None:
    clock = ManualClock()
    begun, gate = threading.Event(), threading.Event()

    def source() -> Iterator[int]:
        begun.set()
        gate.wait()
        yield 1

    with ActorSystem(config=SystemConfig(ports=clock.ports())) as system:
        running = Source(source).to(Sink.count()).run(system)
        assert begun.wait(DUE)

        def over() -> bool:
            running.stop()
            clock.advance(0.1)
            return running.done

        until(over)
        assert running.result() == 0
        gate.set()


def test_what_a_stage_that_is_left_behind_has_not_read_is_no_dead_letter(system: ActorSystem) -> None:
    """Those are the stream's own messages: nobody has sent them, and nobody can do anything about them."""
    letters: list[DeadLetter] = []
    system.events.subscribe(DeadLetter, letters.append)
    begun, gate = threading.Event(), threading.Event()

    def stuck(element: int) -> int:
        begun.set()
        gate.wait(DUE)
        return element

    running = Source(itertools.count()).map(stuck).to(Sink.count()).run(system)
    assert begun.wait(DUE)
    running.cancel()
    until(lambda: system.actors() == [])
    gate.set()
    assert letters == []


def test_elements_do_not_wait_for_one_that_is_long_in_coming(system: ActorSystem) -> None:
    gates = [threading.Event() for _ in range(3)]
    seen: list[int] = []

    def source() -> Iterator[int]:
        for i, gate in enumerate(gates):
            yield i
            gate.wait()

    running = Source(source).map(lambda e: e).to(Sink.each(seen.append)).run(system)
    for i, gate in enumerate(gates):
        until(lambda: len(seen) == i + 1)  # noqa: B023  # called at once
        gate.set()
    assert running.result(timeout=DUE) == 3


def test_elements_do_not_wait_for_a_function_that_is_long_at_another(system: ActorSystem) -> None:
    gate = threading.Event()
    seen: list[int] = []

    def function(element: int) -> int:
        if element == 5:
            gate.wait()
        return element

    running = Source(range(10)).map(function).to(Sink.each(seen.append)).run(system)
    until(lambda: seen == [0, 1, 2, 3, 4])
    gate.set()
    assert running.result(timeout=DUE) == 10


def test_a_batch_does_not_wait_longer_than_it_was_told(system: ActorSystem) -> None:
    gate = threading.Event()
    seen: list[list[int]] = []

    def source() -> Iterator[int]:
        yield from (1, 2)
        gate.wait()
        yield 3

    running = Source(source).batch(10, within=0.01).to(Sink.each(seen.append)).run(system)
    until(lambda: seen)
    assert list(itertools.chain(*seen)) == [1, 2]
    gate.set()
    assert running.result(timeout=DUE) in (2, 3)
    assert list(itertools.chain(*seen)) == [1, 2, 3]


# -- figures -----------------------------------------------------------------------------------------------------------------


def test_figures_of_a_stream_that_is_over(system: ActorSystem) -> None:
    running = Source(range(100)).filter(lambda e: e % 2).to(Sink.count()).run(system, name="mine")
    running.result(timeout=DUE)
    stats = running.stats()
    assert (stats.name, stats.state) == ("mine", StreamState.SUCCEEDED)
    assert [(one.name, one.taken, one.given, one.waiting, one.state) for one in stats.stages] == [
        ("source", 0, 100, 0, StageState.ENDED),
        ("filter", 100, 50, 0, StageState.ENDED),
        ("count", 50, 0, 0, StageState.ENDED),
    ]
    assert [one.feeds for one in stats.stages] == [(1,), (2,), ()]
    assert stats.stuck() is None
    assert stats.seconds == running.stats().seconds


def test_a_function_in_the_middle_is_found_to_be_the_bottleneck(system: ActorSystem) -> None:
    gate = threading.Event()

    def slow(element: int) -> int:
        gate.wait()
        return element

    running = Source(itertools.count()).map(lambda e: e).map(slow).named("slow").map(str).to(Sink.count()).run(system, buffer=8)
    until(lambda: running.stats().stages[1].state is StageState.WAITS_FOR_ROOM)
    stuck = running.stats().stuck()
    assert stuck is not None
    assert stuck.name == "slow"
    running.cancel()
    gate.set()


def test_names_are_told_apart(system: ActorSystem) -> None:
    running = Source(range(3)).map(int).map(int).named("mine").map(int).to(Sink.count().named("all")).run(system)
    running.result(timeout=DUE)
    assert [one.name for one in running.stats().stages] == ["source", "map", "mine", "map-2", "all"]


# -- leaks -------------------------------------------------------------------------------------------------------------------


def test_nothing_is_left_of_many_streams(system: ActorSystem) -> None:
    class Element:
        pass

    kept: list[weakref.ref[Element]] = []
    running: StreamRun[Any] | None = None

    def make() -> Iterator[Element]:
        for _ in range(20):
            element = Element()
            kept.append(weakref.ref(element))
            yield element
            del element

    for i in range(scaled(200, 30)):
        running = Source(make).map(lambda e: e).to(Sink.ignore()).run(system)
        if i % 3:
            running.result(timeout=DUE)
        else:
            running.cancel()
    del running
    until(lambda: system.actors() == [])
    until(lambda: gc.collect() >= 0 and not any(ref() for ref in kept))


def test_ends_race_with_results(system: ActorSystem) -> None:
    """Whoever is first: there is one result, and everything ends."""
    for i in range(scaled(2000, 100)):
        running = Source(range(i % 50)).map(lambda e: e).to(Sink.count()).run(system, buffer=4)
        if i % 2:
            running.stop()
        cancelled = running.cancel() if i % 3 else False
        try:
            result = running.result(timeout=DUE)
        except StreamCancelled:
            assert cancelled
        else:
            assert not cancelled
            assert result <= i % 50
    until(lambda: system.actors() == [])


class Alone:
    """An iterator that notes whether it was closed once, and by nobody while it, or its end, was at something."""

    def __init__(self) -> None:
        self.busy = self.closed = 0
        self.wrong: list[str] = []

    def __iter__(self) -> Alone:
        return self

    def __next__(self) -> int:
        self.busy += 1
        if self.busy != 1 or self.closed:
            self.wrong.append("next")
        self.busy -= 1
        return 0

    def close(self) -> None:
        self.busy += 1
        if self.busy != 1 or self.closed:
            self.wrong.append("close")
        self.closed += 1
        self.busy -= 1


def test_a_source_is_closed_once_and_never_while_it_is_at_something(system: ActorSystem) -> None:
    """Whoever ends the stream, and whenever: a kill of its actor gives back from another thread what the stages hold."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for i in range(scaled(3000, 150)):
            source = Alone()
            running = Source(source).to(Sink.ignore()).run(system, buffer=1 + i % 7)
            until(lambda: running.stats().stages[0].given)  # noqa: B023  # called at once
            if i % 3 == 0:
                running.cancel()
            else:
                running.ref.kill(block=False)
            with pytest.raises((StreamCancelled, StageDiedError)):
                running.result(timeout=DUE)
            until(lambda: source.closed)  # noqa: B023  # called at once
            assert source.wrong == []
            assert source.closed == 1
    finally:
        sys.setswitchinterval(before)


def test_an_iterator_that_waits_in_greenroom_is_closed_when_its_stream_is_killed(system: ActorSystem) -> None:
    class Waiting(Alone):
        def __next__(self) -> int:
            if self.busy == 0 and begun.is_set():
                return never.get()
            begun.set()
            return 0

    for _ in range(scaled(300, 30)):
        begun, never = threading.Event(), Future[int]()
        source = Waiting()
        running = Source(source).to(Sink.ignore()).run(system)
        assert begun.wait(DUE)
        running.ref.kill(block=False)
        until(lambda: source.closed)  # noqa: B023  # called at once
        assert source.closed == 1
