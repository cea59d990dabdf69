"""A loop as the end of a stream."""

from __future__ import annotations

import asyncio
import itertools
import sys
import threading
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors import Actor, ActorSystem, BlockingInLoopError
from actors.streams import Elements, Source, StageState, StreamCancelled, StreamRun, StreamState
from actors.testing import Simulation, explore
from tests.streams.test_ending import Closing, until
from tests.support import scaled

DUE = 20.0


@pytest.mark.parametrize("capacity", [1, 2, 256])
def test_a_loop_gets_all_elements_in_order(system: ActorSystem, capacity: int) -> None:
    assert list(Source(range(2_000)).iterate(system, capacity=capacity)) == list(range(2_000))
    assert list(Source([]).iterate(system, capacity=capacity)) == []


@pytest.mark.parametrize("capacity", [1, 2, 256])
def test_an_async_loop_gets_all_elements_in_order(system: ActorSystem, capacity: int) -> None:
    async def main() -> list[int]:
        async with Source(range(2_000)).iterate(system, capacity=capacity) as elements:
            return [element async for element in elements]

    assert asyncio.run(main()) == list(range(2_000))


def test_an_async_loop_lets_the_event_loop_run(system: ActorSystem) -> None:
    gate = threading.Event()

    async def main() -> list[int]:
        elements = Source(range(3)).tap(lambda _: gate.wait(DUE)).iterate(system)
        reading = asyncio.create_task(_all(elements))
        await asyncio.sleep(0)
        gate.set()  # only because the loop goes on does this ever happen
        return await reading

    assert asyncio.run(main()) == [0, 1, 2]


async def _all(elements: Elements[Any]) -> list[Any]:
    return [element async for element in elements]


def test_a_plain_loop_refuses_to_block_an_event_loop(system: ActorSystem) -> None:
    elements = Source.ticks(1.0).iterate(system)

    async def main() -> None:
        with pytest.raises(BlockingInLoopError, match="async for"):
            list(elements)

    asyncio.run(main())
    assert elements.run.future.exception(timeout=DUE)


def test_leaving_a_loop_ends_the_stream_and_closes_its_source(system: ActorSystem) -> None:
    source = Closing()
    elements = Source(source).iterate(system)
    for element in elements:
        if element == 10:
            break
    assert source.closed.wait(DUE)
    assert elements.run.future.exception(timeout=DUE)
    assert elements.run.stats().state is StreamState.CANCELLED
    assert list(elements) == []


def test_leaving_an_async_loop_by_an_error_ends_the_stream(system: ActorSystem) -> None:
    source = Closing()

    async def main() -> None:
        async with Source(source).iterate(system) as elements:
            async for element in elements:
                if element == 10:
                    raise LookupError

    with pytest.raises(LookupError):
        asyncio.run(main())
    assert source.closed.wait(DUE)


def test_a_task_that_is_cancelled_in_the_loop_ends_the_stream(system: ActorSystem) -> None:
    source = Closing()

    async def main() -> None:
        runs: list[StreamRun[Any]] = []

        async def read() -> None:
            async with Source(source).filter(lambda _: False).iterate(system) as elements:
                runs.append(elements.run)
                await _all(elements)

        task = asyncio.create_task(read())
        await asyncio.to_thread(until, lambda: runs and runs[0].stats().stages[1].taken)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert source.closed.wait(DUE)


def test_an_error_is_raised_in_the_loop_after_what_came_before_it(system: ActorSystem) -> None:
    def check(number: int) -> int:
        if number == 3:
            raise LookupError(number)
        return number

    seen = []
    with pytest.raises(LookupError) as raised:  # noqa: PT012  # the loop is what raises
        for element in Source(range(10)).map(check).iterate(system):
            seen.append(element)  # noqa: PERF402
    assert seen == [0, 1, 2]
    assert "'map'" in raised.value.__notes__[0]


def test_a_loop_that_does_not_come_back_holds_the_stream_up(system: ActorSystem) -> None:
    pulled: list[int] = []
    with Source(itertools.count()).tap(pulled.append).iterate(system, capacity=5) as elements:
        loop = iter(elements)
        assert next(loop) == 0
        until(lambda: elements.run.stats().stages[0].state is StageState.WAITS_FOR_ROOM)
        count = len(pulled)
        stats = elements.run.stats()
        assert stats.stages[-1].under_way == 5
        assert count <= 3 * 512 + 6
        stuck = stats.stuck()
        assert stuck is not None
        assert stuck.name == "loop"
        assert [next(loop) for _ in range(3_000)] == list(range(1, 3_001))
    assert elements.run.done


def test_a_loop_that_never_reads_is_no_leak(system: ActorSystem) -> None:
    source = Closing()
    elements = Source(source).iterate(system, capacity=5)
    until(lambda: elements.run.stats().stages[-1].under_way == 5)
    elements.close()
    elements.close()
    assert source.closed.wait(DUE)
    assert list(elements) == []


def test_a_shutdown_ends_a_loop_with_an_error() -> None:
    found: list[BaseException] = []
    begun = threading.Event()

    def read(elements: Elements[int]) -> None:
        try:
            for _ in elements:
                begun.set()
        except StreamCancelled as error:
            found.append(error)

    with ActorSystem() as system:
        thread = threading.Thread(target=read, args=(Source.ticks(0.001).iterate(system),))
        thread.start()
        assert begun.wait(DUE)
    thread.join(DUE)
    assert len(found) == 1


def test_a_handler_may_loop(system: ActorSystem) -> None:
    class Reader(Actor):
        def on_receive(self, message: int) -> int:
            return sum(Source(range(message)).iterate(self.system))

    class AsyncReader(Actor):
        async def on_receive(self, message: int) -> int:
            return sum([element async for element in Source(range(message)).iterate(self.system)])

    for reader in (Reader, AsyncReader):
        ref: Any = system.spawn(reader)
        assert ref.ask(1_000, timeout=DUE) == sum(range(1_000))
        ref.stop()


def test_several_threads_share_a_loops_elements(system: ActorSystem, request: pytest.FixtureRequest) -> None:
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    request.addfinalizer(lambda: sys.setswitchinterval(interval))
    for _ in range(scaled(200, 20)):
        elements = Source(range(500)).iterate(system, capacity=4)
        seen: list[list[int]] = [[], [], []]
        threads = [threading.Thread(target=seen[number].extend, args=(elements,)) for number in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(DUE)
        assert sorted(itertools.chain(*seen)) == list(range(500))


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda _: Source([]).iterate(3), TypeError, "system=3"),  # type: ignore[arg-type]
        (lambda s: Source([]).iterate(s, capacity=0), ValueError, "capacity=0"),
    ],
)
def test_bad_arguments_are_refused_at_once(system: ActorSystem, call: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        call(system)


@settings(max_examples=scaled(50, 8), deadline=None)
@given(count=st.integers(0, 7), capacity=st.integers(1, 3))
def test_a_loop_gets_everything_in_any_order_of_messages(count: int, capacity: int) -> None:
    def scenario(sim: Simulation) -> None:
        with Source(range(count)).filter(lambda e: e != 1).iterate(sim.system, capacity=capacity) as elements:
            assert list(elements) == [number for number in range(count) if number != 1]

    found = explore(scenario, runs=20)
    assert found.failure is None, found.failure
