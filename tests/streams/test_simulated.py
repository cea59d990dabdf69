"""Streams under the simulator: whatever the order of messages, the result is that of plain Python, and the bounds hold in every step."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from actors import Future
from actors.events import DeadLetter
from actors.streams import OnError, Sink, Source, StageDiedError, Stream, StreamCancelled, StreamGraphError, StreamRun, StreamState
from actors.testing import Ordering, Simulation, check_stable, explore, simulate
from actors.testing.hypothesis import simulations
from tests.support import scaled

orderings = pytest.mark.parametrize("ordering", [Ordering.CAUSAL, Ordering.PAIR_FIFO])
MANY = settings(deadline=None, max_examples=scaled(1000, 60), suppress_health_check=list(HealthCheck))

# A step of a pipeline: what it does to a stream, and what to a list.
Step = tuple[str, Callable[[Source[Any]], Source[Any]], Callable[[list[Any]], list[Any]]]


def flat(element: Any) -> list[Any]:
    return [element] * (hash(element) % 3)


def tag(number: int, element: Any) -> tuple[int, Any]:
    return number, element


def batches(x: list[Any], size: int) -> list[Any]:
    return [tuple(x[i : i + size]) for i in range(0, len(x), size)]


def diamond(source: Source[Any]) -> Source[Any]:
    one, two = source.broadcast(2)
    return one.zip(two.map(str))


def refuse(element: Any) -> Any:
    if hash(element) % 4 == 0:
        raise LookupError(element)
    return element


STEPS: list[Step] = [
    ("map", lambda s: s.map(lambda e: (e,)), lambda x: [(e,) for e in x]),
    ("filter", lambda s: s.filter(lambda e: hash(e) % 2), lambda x: [e for e in x if hash(e) % 2]),
    ("flat_map", lambda s: s.flat_map(flat), lambda x: [i for e in x for i in flat(e)]),
    ("scan", lambda s: s.scan(0, lambda n, _: n + 1), lambda x: list(range(1, len(x) + 1))),
    ("take", lambda s: s.take(3), lambda x: x[:3]),
    ("drop", lambda s: s.drop(2), lambda x: x[2:]),
    ("take_while", lambda s: s.take_while(lambda e: hash(e) % 5), lambda x: list(itertools.takewhile(lambda e: hash(e) % 5, x))),
    ("batch", lambda s: s.batch(2).map(tuple), lambda x: batches(x, 2)),
    (
        "window",
        lambda s: s.window(3, every=2).map(tuple),
        lambda x: [tuple(x[max(0, i - 3) : i]) for i in [*range(2, len(x), 2), len(x)] if i],
    ),
    ("fold", lambda s: s.fold(0, lambda n, _: n + 1), lambda x: [len(x)]),
    ("buffer", lambda s: s.buffer(2), lambda x: x),
    ("concat", lambda s: s.concat(Source("ab")), lambda x: [*x, "a", "b"]),
    ("zip", lambda s: s.zip(Source("abcd")), lambda x: list(zip(x, "abcd", strict=False))),
    ("skip", lambda s: s.map(refuse).on_error(OnError.SKIP), lambda x: [e for e in x if hash(e) % 4]),
    ("diamond", diamond, lambda x: [(e, str(e)) for e in x]),
]


steps = st.lists(st.sampled_from(STEPS), max_size=5)


def watch(sim: Simulation, running: StreamRun[Any], buffer: int) -> None:
    """Have the bounds looked at in every step."""

    def bounded() -> bool:
        return all(
            len(inlet.waiting) <= inlet.capacity <= max(buffer, 1) for flow in running._course.flows for inlet in flow.inlets
        ) and all(outlet.given <= outlet.granted for flow in running._course.flows for outlet in flow.outlets)

    sim.always("no stage has more than it has room for", bounded)


def build(drawn: list[Step], length: int) -> tuple[Source[Any], list[Any]]:
    source: Source[Any] = Source(range(length))
    expected: list[Any] = list(range(length))
    for _, stage, plain in drawn:
        source, expected = stage(source), plain(expected)
    return source, expected


@pytest.mark.parametrize("ordering", [Ordering.CAUSAL, Ordering.PAIR_FIFO])
def test_any_pipeline_gives_what_plain_python_gives_in_any_order(ordering: Ordering) -> None:
    @MANY
    @given(simulations(ordering=ordering), steps, st.integers(0, 9), st.integers(1, 6))
    def test(sim: Simulation, drawn: list[Step], length: int, buffer: int) -> None:
        source, expected = build(drawn, length)
        with sim:
            letters: list[Any] = []
            sim.system.events.subscribe(DeadLetter, lambda letter: letters.append(letter.message))
            running = source.to(Sink.collect()).run(sim.system, buffer=buffer)
            watch(sim, running, buffer)
            assert running.result() == expected
            assert running.stats().state is StreamState.SUCCEEDED
            sim.run()
            assert sim.system.actors() == []
            assert all(hash(letter) % 4 == 0 for letter in letters)  # what was skipped, and no message of the stages themselves

    test()


def test_merge_of_any_pipelines_keeps_each_in_order() -> None:
    @MANY
    @given(simulations(ordering=Ordering.PAIR_FIFO), st.lists(steps, min_size=2, max_size=3), st.integers(0, 6), st.integers(1, 6))
    def test(sim: Simulation, drawn: list[list[Step]], length: int, buffer: int) -> None:
        parts = [build(one, length) for one in drawn]
        tagged = [source.map(functools.partial(tag, i)) for i, (source, _) in enumerate(parts)]
        with sim:
            running = tagged[0].merge(*tagged[1:]).to(Sink.collect()).run(sim.system, buffer=buffer)
            watch(sim, running, buffer)
            result = running.result()
            for i, (_, expected) in enumerate(parts):
                assert [e for j, e in result if j == i] == expected
            assert len(result) == sum(len(expected) for _, expected in parts)

    test()


def test_every_branch_gets_everything_in_any_order() -> None:
    @MANY
    @given(simulations(ordering=Ordering.PAIR_FIFO), steps, steps, st.integers(0, 9), st.integers(1, 6))
    def test(sim: Simulation, left: list[Step], right: list[Step], length: int, buffer: int) -> None:
        one, two = Source(range(length)).broadcast(2)
        expected: list[list[Any]] = [list(range(length)), list(range(length))]
        for _, stage, plain in left:
            one, expected[0] = stage(one), plain(expected[0])
        for _, stage, plain in right:
            two, expected[1] = stage(two), plain(expected[1])
        with sim:
            stream = Stream(one.to(Sink.collect()), two.to(Sink.collect()))
            running = stream.run(sim.system, buffer=buffer)
            watch(sim, running, buffer)
            assert running.result() == tuple(expected)

    test()


def test_every_element_goes_to_one_branch_in_any_order() -> None:
    @MANY
    @given(simulations(ordering=Ordering.PAIR_FIFO), steps, st.lists(st.booleans(), max_size=9), st.integers(1, 6))
    def test(sim: Simulation, right: list[Step], places: list[bool], buffer: int) -> None:
        one, two = Source(places).partition(2, lambda place: place)
        expected = [place for place in places if place]
        for _, stage, plain in right:
            two, expected = stage(two), plain(expected)
        with sim:
            running = Stream(one.to(Sink.count()), two.to(Sink.collect())).run(sim.system, buffer=buffer)
            watch(sim, running, buffer)
            assert running.result() == (places.count(False), expected)

    test()


@orderings
def test_an_error_comes_after_what_was_given_before_it(ordering: Ordering) -> None:
    def scenario(sim: Simulation) -> None:
        def source() -> Iterator[int]:
            yield from range(5)
            raise LookupError

        seen: list[int] = []
        stages = Source(source).map(lambda e: e).flat_map(lambda e: [e, e]).buffer(2)
        running = stages.to(Sink.each(seen.append)).run(sim.system, buffer=2)
        with pytest.raises(LookupError):
            running.result()
        assert seen == [e for e in range(5) for _ in range(2)]
        sim.run()
        assert sim.system.actors() == []

    explore(scenario, runs=scaled(1000, 100), ordering=ordering).check()


@orderings
@pytest.mark.parametrize("steps", [0, 1, 4, 8, 12, 20, 30, 50, 100])
def test_cancel_in_any_moment_ends_everything(ordering: Ordering, steps: int) -> None:
    def scenario(sim: Simulation) -> None:
        closed: list[bool] = []
        begun: list[bool] = []

        def source() -> Iterator[int]:
            begun.append(True)
            try:
                yield from range(6)
            finally:
                closed.append(True)

        running = Source(source).map(lambda e: e).to(Sink.count()).run(sim.system, buffer=2)
        for _ in range(steps):
            sim.step()
        if running.cancel():
            with pytest.raises(StreamCancelled):
                running.result()
        else:
            assert running.result() == 6
        sim.run()
        assert sim.system.actors() == []
        assert closed == begun

    explore(scenario, runs=scaled(300, 20), ordering=ordering).check()


@orderings
def test_stop_in_any_moment_gives_what_came(ordering: Ordering) -> None:
    def scenario(sim: Simulation) -> None:
        given: list[int] = []
        running = Source(range(40)).tap(given.append).filter(lambda e: e % 2).to(Sink.collect()).run(sim.system, buffer=3)
        for _ in range(20):
            sim.step()
        running.stop()
        assert running.result() == [e for e in given if e % 2]

    explore(scenario, runs=scaled(500, 60), ordering=ordering).check()


@orderings
def test_a_source_that_has_yet_to_hear_of_a_stop_loses_nothing(ordering: Ordering) -> None:
    def scenario(sim: Simulation) -> None:
        pulled: list[int] = []

        def source() -> Iterator[int]:
            for number in range(40):
                pulled.append(number)
                yield number

        running = Source(source).to(Sink.collect()).run(sim.system, buffer=3)
        for _ in range(15):
            sim.step()
        running.stop()
        assert running.result() == pulled

    explore(scenario, runs=scaled(500, 60), ordering=ordering).check()


@orderings
def test_a_kill_in_any_moment_is_told(ordering: Ordering) -> None:
    def scenario(sim: Simulation) -> None:
        running = Source(range(6)).map(lambda e: e).to(Sink.count()).run(sim.system, buffer=2)
        for _ in range(12):
            sim.step()
        for ref in sim.system.actors():
            if ref.path.endswith("map"):
                ref.kill(block=False)
        try:
            assert running.result() == 6
        except StageDiedError as error:
            assert error.stage == "map"  # noqa: PT017  # either is fine
        sim.run()
        assert sim.system.actors() == []

    explore(scenario, runs=scaled(500, 60), ordering=ordering).check()


@simulate(runs=30)
def test_shutdown_in_the_middle_cancels(sim: Simulation) -> None:
    running = Source(range(100)).map(lambda e: e).to(Sink.count()).run(sim.system, buffer=2)
    for _ in range(30):
        sim.step()
    sim.system.shutdown()
    with pytest.raises((StreamCancelled, StageDiedError)):  # the latter, should the time for a shutdown in order be up first
        running.result()


@simulate(runs=30)
def test_a_batch_is_given_when_its_time_has_come(sim: Simulation) -> None:
    seen: list[list[int]] = []
    late: Future[int] = Future()

    def source() -> Iterator[int]:
        yield late.get()

    numbers: Source[int] = Source([1, 2, 3])
    running = numbers.merge(Source(source)).batch(10, within=2.0).to(Sink.each(seen.append)).run(sim.system)
    sim.run()
    assert list(itertools.chain(*seen)) == [1, 2, 3]
    assert sim.now == 2.0
    late.set(4)
    assert running.result() == len(seen)
    assert seen[-1] == [4]


def test_the_last_batch_waits_for_room() -> None:
    def scenario(sim: Simulation) -> None:
        running = Source(range(3)).batch(2).throttle(0.1).to(Sink.count()).run(sim.system, buffer=1)
        watch(sim, running, 1)
        assert running.result() == 2

    explore(scenario, runs=scaled(300, 30)).check()


@simulate(runs=scaled(1000, 100))
def test_branches_that_wait_for_each_other_are_found(sim: Simulation) -> None:
    one, two = Source(range(100)).broadcast(2)
    running = one.filter(lambda e: e % 50 == 49).zip(two).to(Sink.count()).run(sim.system, buffer=4)
    with pytest.raises(StreamGraphError):
        running.result()


def test_an_element_that_waits_for_room_in_vain_is_found_though_it_is_the_last() -> None:
    one, two = Source([0, 0]).partition(2, lambda number: number)
    with Simulation() as sim:
        running = one.zip(two).to(Sink.count()).run(sim.system, buffer=2)  # room for one at each inlet
        with pytest.raises(StreamGraphError):
            running.result()


@orderings
def test_branches_that_only_seem_to_wait_for_each_other_are_left_alone(ordering: Ordering) -> None:
    """Whenever the stream's actor looks: not all stages may have begun, or all may have ended."""

    def scenario(sim: Simulation) -> None:
        running = diamond(Source(range(5))).to(Sink.count()).run(sim.system, buffer=2)
        assert running.result() == 5

    explore(scenario, runs=scaled(1000, 100), ordering=ordering).check()


def test_runs_are_the_same_each_time() -> None:
    def scenario(sim: Simulation) -> None:
        one, two = Source(range(5)).broadcast(2)
        running = one.map(str).merge(two.map(hex)).batch(2, within=1.0).to(Sink.count()).run(sim.system, buffer=2)
        assert running.result() == 5

    check_stable(scenario)
