"""Many elements: constant memory, races of real threads, isolated systems."""

from __future__ import annotations

import itertools
import sys
import threading
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest

from actors import ActorSystem, Isolation, SystemConfig
from actors.streams import OnError, Sink, Source, Stream
from tests.support import scaled

DUE = 200.0


@pytest.fixture
def restless() -> Iterator[None]:
    """Have the interpreter switch threads as often as it can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def test_memory_does_not_grow_with_the_input(system: ActorSystem) -> None:
    """Blocks of 64 KiB, a gigabyte in full; what there is of them at any moment is bounded by the buffers."""
    block = 65_536
    count = scaled(16_384, 1_000)

    def blocks() -> Iterator[bytes]:
        for i in range(count):
            yield bytes([i % 256]) * block

    stream = Source(blocks).map(lambda b: b[:-1]).filter(lambda b: b[0] != 7).map(len).to(Sink.fold(0, lambda a, b: a + b))
    tracemalloc.start()
    try:
        total = stream.run(system, buffer=16).result(timeout=DUE)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert total == sum(block - 1 for i in range(count) if i % 256 != 7)
    assert peak < 3 * 2 * 16 * block + 5_000_000


@pytest.mark.usefixtures("restless")
def test_nothing_is_lost_or_out_of_order_however_threads_switch(system: ActorSystem) -> None:
    for buffer in (1, 3, 64):
        count = scaled(20_000, 1_000)
        one, two = Source(range(count)).flat_map(lambda e: (e, -e)).broadcast(2)
        left = one.map(lambda e: e + 1).to(Sink.collect())
        right = two.filter(lambda e: e >= 0).map(str, parallel=3).merge(Source(range(count)).map(hex)).to(Sink.collect())
        first, second = Stream(left, right).run(system, buffer=buffer).result(timeout=DUE)
        assert first == [e + 1 for i in range(count) for e in (i, -i)]
        assert [e for e in second if not e.startswith("0x")] == ["0", *(str(i) for i in range(count))]
        assert [e for e in second if e.startswith("0x")] == [hex(i) for i in range(count)]


@pytest.mark.usefixtures("restless")
def test_elements_given_on_beside_a_slow_function_keep_their_order(system: ActorSystem) -> None:
    """The function is at times slow enough for the clock to give on what it has made, in the middle of a slice."""
    pause = threading.Event()

    def slow(element: int) -> int:
        if element % 37 == 0:
            pause.wait(0.006)
        return element

    count = scaled(20_000, 3_000)
    assert Source(range(count)).map(slow).to(Sink.collect()).run(system).result(timeout=DUE) == list(range(count))


@pytest.mark.usefixtures("restless")
def test_a_source_beside_which_elements_are_given_on_keeps_their_order(system: ActorSystem) -> None:
    pause = threading.Event()
    count = scaled(20_000, 3_000)

    def source() -> Iterator[int]:
        for i in range(count):
            if i % 41 == 0:
                pause.wait(0.006)
            yield i

    assert Source(source).to(Sink.collect()).run(system).result(timeout=DUE) == list(range(count))


@pytest.mark.parametrize("isolation", [Isolation.CHECK, Isolation.COPY])
def test_elements_pass_as_they_are_also_in_isolated_systems(isolation: Isolation) -> None:
    """Stages are one program: lists may pass, and objects that no codec knows."""

    class Unknown:
        pass

    elements: list[Any] = [[1, 2], {"a": []}, Unknown(), object()]
    with ActorSystem(config=SystemConfig(isolation=isolation)) as system:
        result = Source(elements).map(lambda e: e).batch(1).flat_map(lambda e: e).to(Sink.collect()).run(system).result(timeout=DUE)
        assert all(one is other for one, other in zip(result, elements, strict=True))


def test_a_traced_system_runs_streams_too() -> None:
    with ActorSystem(config=SystemConfig(tracing=True)) as system:
        stream = Source(range(1000)).map(str, parallel=2).map(int).to(Sink.collect())
        assert stream.run(system, buffer=4).result(timeout=DUE) == list(range(1000))


def test_many_streams_at_once(system: ActorSystem) -> None:
    runs = [Source(range(i)).map(lambda e: e).to(Sink.count()).run(system, buffer=2) for i in range(scaled(1000, 100))]
    assert [run.result(timeout=DUE) for run in runs] == list(range(len(runs)))


def test_a_source_may_feed_on_another_stream(system: ActorSystem) -> None:
    """A handler that waits parks, and the other stream goes on."""
    inner = Source(range(100)).to(Sink.collect())
    outer = Source(range(3)).flat_map(lambda _: inner.run(system).result(timeout=DUE)).to(Sink.count())
    assert outer.run(system).result(timeout=DUE) == 300


def test_errors_at_volume_are_counted_exactly(system: ActorSystem) -> None:
    count = scaled(200_000, 10_000)

    def function(element: int) -> int:
        if element % 3 == 0:
            raise LookupError
        return element

    running = Source(itertools.count()).take(count).map(function).on_error(OnError.SKIP).to(Sink.count()).run(system)
    kept = running.result(timeout=DUE)
    stage = running.stats().stages[2]
    assert (kept, stage.skipped, stage.taken) == (count - len(range(0, count, 3)), len(range(0, count, 3)), count)
