"""What each kind of stage does with the elements of one source."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import pytest

from actors import ActorSystem, Overflow
from actors.streams import Sink, Source, Stream, StreamRun

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

DUE = 20.0  # seconds within which anything here is done


def run(system: ActorSystem, source: Source[Any], buffer: int = 512) -> list[Any]:
    return source.to(Sink.collect()).run(system, buffer=buffer).result(timeout=DUE)


def add(one: int, other: int) -> int:
    return one + other


CASES: list[tuple[str, Callable[[Source[int]], Source[Any]], Callable[[list[int]], list[Any]]]] = [
    ("map", lambda s: s.map(str), lambda x: [str(e) for e in x]),
    ("filter", lambda s: s.filter(lambda e: e % 3), lambda x: [e for e in x if e % 3]),
    ("filter nothing", lambda s: s.filter(lambda _: False), lambda _: []),
    ("flat_map", lambda s: s.flat_map(lambda e: range(e % 5)), lambda x: [i for e in x for i in range(e % 5)]),
    ("flat_map long", lambda s: s.take(2).flat_map(lambda e: [e] * 3000), lambda x: [e for e in x[:2] for _ in range(3000)]),
    ("scan", lambda s: s.scan(10, add), lambda x: list(itertools.accumulate(x, initial=10))[1:]),
    ("take", lambda s: s.take(7), lambda x: x[:7]),
    ("take 0", lambda s: s.take(0), lambda _: []),
    ("take more", lambda s: s.take(100_000), lambda x: x),
    ("drop", lambda s: s.drop(7), lambda x: x[7:]),
    ("drop all", lambda s: s.drop(100_000), lambda _: []),
    ("take_while", lambda s: s.take_while(lambda e: e < 5), lambda x: list(itertools.takewhile(lambda e: e < 5, x))),
    ("batch", lambda s: s.batch(3), lambda x: [x[i : i + 3] for i in range(0, len(x), 3)]),
    ("batch of one", lambda s: s.batch(1), lambda x: [[e] for e in x]),
    ("window", lambda s: s.window(4), lambda x: [x[i : i + 4] if i + 4 <= len(x) else x[-4:] for i in range(0, len(x), 4)]),
    ("window every", lambda s: s.window(3, every=1), lambda x: [x[max(0, i - 2) : i + 1] for i in range(len(x))]),
    ("fold", lambda s: s.fold(5, add), lambda x: [5 + sum(x)]),
    ("fold made", lambda s: s.fold(list, lambda state, e: [*state, e] if e < 3 else state), lambda x: [[e for e in x if e < 3]]),
    ("buffer", lambda s: s.buffer(10), lambda x: x),
    ("concat", lambda s: s.concat(Source([1, 2]), Source([3])), lambda x: [*x, 1, 2, 3]),
    ("zip", lambda s: s.zip(Source(itertools.count)), lambda x: list(zip(x, itertools.count(), strict=False))),
    ("zip short", lambda s: s.zip(Source("ab"), Source("cde")), lambda x: list(zip(x, "ab", "cde", strict=False))),
    ("via", lambda s: s.via(lambda t: t.map(str).map(int)), lambda x: x),
    ("named", lambda s: s.map(lambda e: e + 1).named("more"), lambda x: [e + 1 for e in x]),
]


@pytest.mark.parametrize("buffer", [1, 2, 512])
@pytest.mark.parametrize("length", [0, 1, 10, 1500])
@pytest.mark.parametrize(("build", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_a_stage_gives_what_plain_python_gives(
    system: ActorSystem, build: Callable[[Source[int]], Source[Any]], expected: Callable[[list[int]], list[Any]], length: int, buffer: int
) -> None:
    if length > 10 and buffer < 512:
        pytest.skip("one message an element: the shorter ones show it as well")
    assert run(system, build(Source(range(length))), buffer) == expected(list(range(length)))


def test_a_window_at_the_end_is_given_only_if_something_came_since_the_last(system: ActorSystem) -> None:
    assert run(system, Source(range(5)).window(3)) == [[0, 1, 2], [2, 3, 4]]
    assert run(system, Source(range(6)).window(3)) == [[0, 1, 2], [3, 4, 5]]


@pytest.mark.parametrize("buffer", [1, 7, 512])
@pytest.mark.parametrize("count", [1, 5, 600])
def test_take_pulls_no_more_than_it_gives(system: ActorSystem, count: int, buffer: int) -> None:
    pulled: list[int] = []

    def source() -> Iterator[int]:
        for i in itertools.count():
            pulled.append(i)
            yield i

    assert run(system, Source(source).take(count), buffer) == list(range(count)) == pulled


def test_tap_sees_each_element_and_changes_none(system: ActorSystem) -> None:
    seen: list[int] = []
    assert run(system, Source(range(5)).tap(seen.append)) == seen == [0, 1, 2, 3, 4]


def test_merge_gives_all_and_keeps_the_order_of_each(system: ActorSystem) -> None:
    sources = [Source([(name, i) for i in range(500)]) for name in "abc"]
    result = run(system, sources[0].merge(*sources[1:]), 16)
    assert len(result) == 1500
    for name in "abc":
        assert [i for n, i in result if n == name] == list(range(500))


def test_merge_takes_turns(system: ActorSystem) -> None:
    """None of two endless sources keeps the other out."""
    endless = Source(lambda: itertools.repeat("a")).merge(Source(lambda: itertools.repeat("b")))
    result = run(system, endless.take(10_000), 64)
    assert min(result.count("a"), result.count("b")) > 1000


def test_every_branch_of_a_broadcast_gets_every_element(system: ActorSystem) -> None:
    one, two, three = Source(range(2000)).broadcast(3)
    stream = Stream(one.to(Sink.collect()), two.map(str).to(Sink.count()), three.to(Sink.fold(0, add)))
    assert stream.run(system, buffer=32).result(timeout=DUE) == (list(range(2000)), 2000, sum(range(2000)))


def test_a_branch_that_wants_no_more_leaves_the_others(system: ActorSystem) -> None:
    one, two = Source(range(2000)).broadcast(2)
    stream = Stream(one.take(3).to(Sink.collect()), two.to(Sink.count()))
    assert stream.run(system, buffer=8).result(timeout=DUE) == ([0, 1, 2], 2000)


@pytest.mark.parametrize("buffer", [1, 2, 7, 512])
def test_each_element_goes_to_the_branch_that_the_key_says(system: ActorSystem, buffer: int) -> None:
    branches = Source(range(600)).partition(3, lambda number: number % 3)
    running = Stream(*(branch.to(Sink.collect()) for branch in branches)).run(system, buffer=buffer)
    assert running.result(timeout=DUE) == tuple(list(range(first, 600, 3)) for first in range(3))
    assert [(one.taken, one.given) for one in running.stats().stages if one.kind == "partition"] == [(600, 600)]


def test_what_is_for_a_branch_that_wants_no_more_is_dropped_and_counted(system: ActorSystem) -> None:
    odd, even = Source(range(2000)).partition(2, lambda number: number % 2 == 0)
    running = Stream(odd.take(3).to(Sink.collect()), even.to(Sink.count())).run(system, buffer=1)
    assert running.result(timeout=DUE) == ([1, 3, 5], 1000)
    partition = running.stats().stages[1]
    assert partition.given + partition.dropped == 2000
    assert partition.given < 1010


def test_a_key_is_asked_once_for_each_element(system: ActorSystem) -> None:
    asked: list[int] = []

    def key(number: int) -> int:
        asked.append(number)
        return number // 50

    one, two = Source(range(100)).partition(2, key)
    assert run(system, one.concat(two.buffer(50)), 2) == list(range(100))  # the first branch is full again and again
    assert asked == list(range(100))


@pytest.mark.parametrize("buffer", [1, 2, 7, 512])
def test_a_diamond_comes_together_again(system: ActorSystem, buffer: int) -> None:
    one, two = Source(range(1000)).broadcast(2)
    diamond = one.map(lambda e: e * 2).zip(two.map(str).map(str))
    assert run(system, diamond, buffer) == [(e * 2, str(e)) for e in range(1000)]


def test_a_diamond_of_merge_gives_everything_twice(system: ActorSystem) -> None:
    one, two = Source(range(1000)).broadcast(2)
    assert sorted(run(system, one.filter(lambda e: e % 2).merge(two), 4)) == sorted([*range(1000), *range(1, 1000, 2)])


@pytest.mark.parametrize(("overflow", "expected"), [(Overflow.DROP_OLDEST, list(range(90, 100))), (Overflow.DROP_NEWEST, list(range(10)))])
def test_a_buffer_drops_by_its_policy_and_counts(system: ActorSystem, overflow: Overflow, expected: list[int]) -> None:
    """The gate lets nothing through until the buffer has seen all, so that what is dropped is certain."""
    gate = Source(range(100)).buffer(10, overflow).named("buffer")
    runs: list[StreamRun[Any]] = []

    def taken() -> int:
        return next(one.taken for run in runs for one in run.stats().stages if one.name == "buffer")

    first: Source[int] = Source(_when(lambda: bool(runs) and taken() == 100))
    # Concat asks its second inlet for nothing before the first has ended.
    running = first.concat(gate).to(Sink.collect()).run(system)
    runs.append(running)

    assert running.result(timeout=DUE) == expected
    assert next(one.dropped for one in running.stats().stages if one.name == "buffer") == 90


def _when(condition: Callable[[], bool]) -> Callable[[], Iterator[Any]]:
    """A source of nothing that ends once `condition` is true."""

    def source() -> Iterator[Any]:
        while not condition():
            pass
        return iter(())

    return source


SINKS: list[tuple[str, Callable[[], Sink[Any, Any]], Any]] = [
    ("collect", Sink.collect, [0, 1, 2]),
    ("last", Sink.last, 2),
    ("count", Sink.count, 3),
    ("ignore", Sink.ignore, None),
    ("each", lambda: Sink.each(str), 3),
    ("fold", lambda: Sink.fold(0, add), 3),
]


@pytest.mark.parametrize(("sink", "expected"), [case[1:] for case in SINKS], ids=[case[0] for case in SINKS])
def test_a_sink_gives_its_result(system: ActorSystem, sink: Callable[[], Sink[Any, Any]], expected: Any) -> None:
    assert Source(range(3)).to(sink()).run(system).result(timeout=DUE) == expected


def test_the_last_of_nothing_is_none(system: ActorSystem) -> None:
    assert Source(()).to(Sink.last()).run(system).result(timeout=DUE) is None


def test_a_description_may_be_run_again_and_at_once(system: ActorSystem) -> None:
    stream = Source(range(100)).scan(0, add).fold(list, lambda state, e: [*state, e]).to(Sink.last())
    runs = [stream.run(system) for _ in range(3)]
    expected = list(itertools.accumulate(range(100)))
    assert [one.result(timeout=DUE) for one in runs] == [expected] * 3


def test_a_function_makes_the_elements_anew_for_each_run(system: ActorSystem) -> None:
    made = itertools.count()
    source: Source[int] = Source(lambda: iter([next(made)]))
    assert [run(system, source) for _ in range(3)] == [[0], [1], [2]]


def test_a_graph_may_be_deep(system: ActorSystem) -> None:
    source: Source[int] = Source(range(10))
    for _ in range(300):
        source = source.map(lambda e: e + 1)
    assert run(system, source) == list(range(300, 310))


async def _awaited(system: ActorSystem) -> int:
    async with Source(range(3)).to(Sink.count()).run(system) as running:
        return await running


def test_a_run_may_be_awaited(system: ActorSystem) -> None:
    import asyncio

    assert asyncio.run(_awaited(system)) == 3
