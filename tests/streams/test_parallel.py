"""Stages that are at several elements at once."""

from __future__ import annotations

import asyncio
import functools
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from actors import Actor, ActorSystem, Timeout
from actors.errors import ActorDeadError
from actors.routers import Pool
from actors.streams import ElementSkipped, OnError, Sink, Source, StageState, StreamCancelled
from actors.testing import Simulation, explore, simulate
from tests.streams.test_ending import until
from tests.support import scaled

DUE = 20.0


class Meeting:
    """A function that returns once so many calls of it are under way; it notes the most there were."""

    def __init__(self, count: int) -> None:
        self.barrier = threading.Barrier(count)
        self.lock = threading.Lock()
        self.now = self.most = 0

    def __call__(self, element: int) -> int:
        with self.lock:
            self.now += 1
            self.most = max(self.most, self.now)
        self.barrier.wait(DUE)
        with self.lock:
            self.now -= 1
        return element


@pytest.mark.parametrize("ordered", [True, False])
def test_so_many_calls_are_made_at_once_and_no_more(system: ActorSystem, ordered: bool) -> None:
    meeting = Meeting(4)
    result = Source(range(40)).map(meeting, parallel=4, ordered=ordered).to(Sink.collect()).run(system).result(timeout=DUE)
    assert sorted(result) == list(range(40))
    assert meeting.most == 4


def test_ordered_results_come_in_order_whoever_is_first(system: ActorSystem) -> None:
    gates = [threading.Event() for _ in range(4)]

    def function(element: int) -> int:
        gates[element].wait(DUE)
        if element:
            gates[element - 1].set()
        return element

    gates[3].set()
    assert Source(range(4)).map(function, parallel=4).to(Sink.collect()).run(system).result(timeout=DUE) == [0, 1, 2, 3]


def test_unordered_results_come_as_they_are_there(system: ActorSystem) -> None:
    gates = [threading.Event() for _ in range(4)]

    def function(element: int) -> int:
        gates[element].wait(DUE)
        if element:
            gates[element - 1].set()
        return element

    gates[3].set()
    result = Source(range(4)).map(function, parallel=4, ordered=False).to(Sink.collect()).run(system).result(timeout=DUE)
    assert sorted(result) == [0, 1, 2, 3]
    assert result.index(3) < result.index(0)


@pytest.mark.parametrize("parallel", [1, 3])
@pytest.mark.parametrize("ordered", [True, False])
def test_an_async_function_is_awaited(system: ActorSystem, parallel: int, ordered: bool) -> None:
    most = now = 0

    async def function(element: int) -> int:
        nonlocal most, now
        now += 1
        most = max(most, now)
        for _ in range(element % 5):
            await asyncio.sleep(0)
        now -= 1
        return element * 2

    result = Source(range(50)).map(function, parallel=parallel, ordered=ordered).to(Sink.collect()).run(system).result(timeout=DUE)
    assert (result if ordered else sorted(result)) == list(range(0, 100, 2))
    assert most == parallel


class Doubler(Actor):
    def on_receive(self, message: int) -> int:
        if message == 5:
            raise LookupError(message)
        return message * 2


@pytest.mark.parametrize("ordered", [True, False])
def test_an_actor_is_asked(system: ActorSystem, ordered: bool) -> None:
    ref = system.spawn(Doubler)
    result = Source(range(5)).ask(ref, parallel=3, ordered=ordered).to(Sink.collect()).run(system).result(timeout=DUE)
    assert (result if ordered else sorted(result)) == [0, 2, 4, 6, 8]
    ref.stop()


def test_a_pool_is_asked(system: ActorSystem) -> None:
    pool: Pool[Doubler] = Pool(system, Doubler, size=3)
    with pool:
        expected = [i * 2 for i in range(10, 100)]
        assert Source(range(10, 100)).ask(pool.ref, parallel=6).to(Sink.collect()).run(system).result(timeout=DUE) == expected


def test_a_sink_that_asks_counts_the_answers(system: ActorSystem) -> None:
    ref = system.spawn(Doubler)
    assert Source(range(5)).to(Sink.actor(ref, parallel=2)).run(system).result(timeout=DUE) == 5
    with pytest.raises(LookupError):
        Source(range(9)).to(Sink.actor(ref, parallel=2)).run(system).result(timeout=DUE)
    ref.stop()


def test_a_sink_may_call_in_parallel(system: ActorSystem) -> None:
    meeting = Meeting(3)
    assert Source(range(9)).to(Sink.each(meeting, parallel=3)).run(system).result(timeout=DUE) == 9


POLICIES = pytest.mark.parametrize("policy", [OnError.SKIP, OnError.RESTART])


@POLICIES
@pytest.mark.parametrize("ordered", [True, False])
def test_a_bad_element_is_skipped_and_the_others_are_not_tried_again(system: ActorSystem, policy: OnError, ordered: bool) -> None:
    skipped: list[ElementSkipped] = []
    system.events.subscribe(ElementSkipped, skipped.append)
    calls: list[int] = []

    def function(element: int) -> int:
        calls.append(element)
        if element % 10 == 5:
            raise LookupError(element)
        return element

    stream = Source(range(100)).map(function, parallel=3, ordered=ordered).on_error(policy).to(Sink.collect())
    result = stream.run(system).result(timeout=DUE)
    assert (result if ordered else sorted(result)) == [e for e in range(100) if e % 10 != 5]
    assert sorted(one.element for one in skipped) == list(range(5, 100, 10))
    assert sorted(calls) == list(range(100))


def test_an_error_comes_behind_the_results_before_it(system: ActorSystem) -> None:
    seen: list[int] = []
    with pytest.raises(LookupError):
        Source(range(9)).map(int, parallel=2).ask(system.spawn(Doubler), parallel=3).to(Sink.each(seen.append)).run(system).result(
            timeout=DUE
        )
    assert seen == [0, 2, 4, 6, 8]
    for ref in system.actors():
        ref.stop()


@pytest.mark.parametrize("ordered", [True, False])
def test_an_error_from_before_comes_behind_what_is_under_way(system: ActorSystem, ordered: bool) -> None:
    gate = threading.Event()
    seen: list[int] = []

    def source() -> Iterator[int]:
        yield from range(3)
        raise LookupError

    def function(element: int) -> int:
        gate.wait(DUE)
        return element

    running = Source(source).map(function, parallel=2, ordered=ordered).to(Sink.each(seen.append)).run(system)
    until(lambda: running.stats().stages[0].state is StageState.FAILED and running.stats().stages[1].under_way == 3)
    gate.set()
    with pytest.raises(LookupError):
        running.result(timeout=DUE)
    assert sorted(seen) == [0, 1, 2]


def test_an_error_from_before_comes_behind_results_that_wait_for_room(system: ActorSystem) -> None:
    gate = threading.Event()
    seen: list[int] = []

    def source() -> Iterator[int]:
        yield from range(8)
        raise LookupError

    def slow(element: int) -> None:
        gate.wait(DUE)
        seen.append(element)

    running = Source(source).map(lambda e: e, parallel=8).to(Sink.each(slow)).run(system, buffer=2)
    until(lambda: running.stats().stages[0].state is StageState.FAILED and running.stats().stages[1].under_way)
    gate.set()
    with pytest.raises(LookupError):
        running.result(timeout=DUE)
    assert seen == list(range(8))


def test_a_dead_actor_fails_what_asks_it(system: ActorSystem) -> None:
    ref = system.spawn(Doubler)
    ref.stop()
    with pytest.raises(ActorDeadError):
        Source(range(3)).ask(ref).to(Sink.count()).run(system).result(timeout=DUE)


class Silent(Actor):
    def on_receive(self, message: int) -> Any:
        if message % 2:
            self.kept = self.reply_later()
            return self.kept
        return message


def test_an_answer_may_take_no_longer_than_it_is_given(system: ActorSystem) -> None:
    ref = system.spawn(Silent)
    with pytest.raises(Timeout):
        Source([1]).ask(ref, timeout=0.01).to(Sink.count()).run(system).result(timeout=DUE)
    result = Source(range(6)).ask(ref, parallel=2, timeout=0.01).on_error(OnError.SKIP).to(Sink.collect()).run(system).result(timeout=DUE)
    assert result == [0, 2, 4]
    ref.stop()


def test_cancel_does_not_wait_for_calls_under_way(system: ActorSystem) -> None:
    gate = threading.Event()
    begun = threading.Semaphore(0)

    def function(element: int) -> int:
        begun.release()
        gate.wait(DUE)
        return element

    running = Source(range(10)).map(function, parallel=2).to(Sink.count()).run(system)
    begun.acquire()
    begun.acquire()
    running.cancel()
    with pytest.raises(StreamCancelled):
        running.result(timeout=DUE)
    until(lambda: system.actors() == [])
    gate.set()


def test_what_is_at_elements_is_the_bottleneck(system: ActorSystem) -> None:
    gate = threading.Event()
    running = Source(range(1000)).map(lambda _: gate.wait(DUE), parallel=2).named("slow").to(Sink.count()).run(system, buffer=16)
    until(lambda: running.stats().stages[1].under_way)
    stuck = running.stats().stuck()
    assert stuck is not None
    assert stuck.name == "slow"
    gate.set()
    assert running.result(timeout=DUE) == 1000


def test_bad_arguments_are_refused(system: ActorSystem) -> None:
    async def function(_: int) -> int:
        return 0

    async def generator(_: int) -> AsyncIterator[int]:
        yield 0

    class Generates:
        async def __call__(self, _: int) -> AsyncIterator[int]:
            yield 0

    with pytest.raises(ValueError, match="parallel=0"):
        Source([1]).map(int, parallel=0)
    with pytest.raises(ValueError, match="processes=True"):
        Source([1]).map(function, processes=True)
    with pytest.raises(TypeError, match="ref=3"):
        Source([1]).ask(3)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="nobody would await"):
        Source([1]).filter(function)
    for stage in (Source([1]).flat_map, Source([1]).map, Sink.each):
        for given in (generator, functools.partial(generator), Generates()):
            with pytest.raises(TypeError, match="async generator function"):
                stage(given)  # type: ignore[operator]
    with pytest.raises(ValueError, match="timeout=-1"):
        Sink.actor(system.spawn(Silent), timeout=-1)
    for ref in system.actors():
        ref.stop()


@pytest.mark.parametrize("ordered", [True, False])
def test_in_any_order_of_messages_each_answer_is_given_once(ordered: bool) -> None:
    def scenario(sim: Simulation) -> None:
        refs = [sim.spawn(Doubler), sim.spawn(Doubler)]
        pool: Pool[Doubler] = Pool(sim.system, Doubler, size=2)
        with pool:
            for ref in (refs[0], pool.ref):
                running = Source(range(5)).ask(ref, parallel=3, ordered=ordered).to(Sink.collect()).run(sim.system, buffer=2)
                result = running.result()
                assert (result if ordered else sorted(result)) == [0, 2, 4, 6, 8]

    explore(scenario, runs=scaled(300, 40)).check()


@simulate(runs=scaled(300, 30))
def test_a_parallel_map_runs_in_a_simulation(sim: Simulation) -> None:
    async def function(element: int) -> int:
        return element + 1

    stream = Source(range(5)).map(lambda e: e * 2, parallel=2).map(function, parallel=2).to(Sink.collect())
    assert stream.run(sim.system, buffer=3).result() == [1, 3, 5, 7, 9]
