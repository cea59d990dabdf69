"""What becomes of a stream when something in it goes wrong."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from actors import ActorRef, ActorSystem
from actors.events import DeadLetter, DeadLetterReason
from actors.streams import (
    ElementSkipped,
    OnError,
    Sink,
    Source,
    StageDiedError,
    StageRestarted,
    Stream,
    StreamCancelled,
    StreamEnded,
    StreamGraphError,
    StreamLimitError,
    StreamRun,
    StreamState,
)

DUE = 20.0


class Spoilt(Exception):
    pass


def spoil(*bad: int) -> Callable[[int], int]:
    """A function of numbers that raises for some."""

    def function(element: int) -> int:
        if element in bad:
            raise Spoilt(element)
        return element

    return function


def spoil_each(element: int, bad: Callable[[int], bool]) -> Iterator[int]:
    yield element
    if bad(element):
        raise Spoilt(element)


KINDS: list[tuple[str, Callable[[Source[int]], Source[Any]]]] = [
    ("map", lambda s: s.map(spoil(5))),
    ("filter", lambda s: s.filter(lambda e: spoil(5)(e) >= 0)),
    ("flat_map", lambda s: s.flat_map(lambda e: [spoil(5)(e)])),
    ("flat_map within", lambda s: s.flat_map(lambda e: (spoil(5)(i) for i in (e,)))),
    ("scan", lambda s: s.scan(0, lambda _, e: spoil(5)(e))),
    ("take_while", lambda s: s.take_while(lambda e: spoil(5)(e) >= 0)),
    ("tap", lambda s: s.tap(spoil(5))),
    ("fold", lambda s: s.fold(list, lambda state, e: [*state, spoil(5)(e)]).flat_map(lambda x: x)),
]
every_kind = pytest.mark.parametrize("build", [kind[1] for kind in KINDS], ids=[kind[0] for kind in KINDS])


@every_kind
def test_what_a_function_raises_is_what_the_stream_fails_with(system: ActorSystem, build: Callable[[Source[int]], Source[Any]]) -> None:
    ended: list[StreamEnded] = []
    system.events.subscribe(StreamEnded, ended.append)
    running = build(Source(range(10))).to(Sink.collect()).run(system, name="mine")
    with pytest.raises(Spoilt) as caught:
        running.result(timeout=DUE)
    assert caught.value.args == (5,)
    assert [note.startswith("in stage ") and note.endswith(" of stream 'mine'") for note in caught.value.__notes__] == [True]
    assert running.stats().state is StreamState.FAILED


SKIPPING = [kind for kind in KINDS if kind[0] != "fold"]


@pytest.mark.parametrize("build", [kind[1] for kind in SKIPPING], ids=[kind[0] for kind in SKIPPING])
def test_a_bad_element_may_be_skipped(system: ActorSystem, build: Callable[[Source[int]], Source[Any]]) -> None:
    skipped: list[ElementSkipped] = []
    letters: list[DeadLetter] = []
    system.events.subscribe(ElementSkipped, skipped.append)
    system.events.subscribe(DeadLetter, letters.append)
    running = build(Source(range(10))).on_error(OnError.SKIP).named("it").to(Sink.collect()).run(system, name="mine")
    assert running.result(timeout=DUE) == [0, 1, 2, 3, 4, 6, 7, 8, 9]
    assert [(one.stream, one.stage, one.element, type(one.error)) for one in skipped] == [("mine", "it", 5, Spoilt)]
    assert [(one.message, one.reason) for one in letters] == [(5, DeadLetterReason.POISONED)]
    assert letters[0].recipient.path.startswith("/mine/")
    assert running.stats().stages[1].skipped == 1


def test_no_function_is_called_twice_for_one_element(system: ActorSystem) -> None:
    calls: list[int] = []

    def function(element: int) -> int:
        calls.append(element)
        return spoil(*range(0, 1000, 7))(element)

    running = Source(range(1000)).map(function).on_error(OnError.SKIP).to(Sink.count()).run(system)
    assert running.result(timeout=DUE) == sum(1 for e in range(1000) if e % 7)
    assert calls == list(range(1000))


def test_one_more_than_the_limit_stops(system: ActorSystem) -> None:
    stream = Source(range(10)).map(spoil(2, 4, 6)).on_error(OnError.SKIP, limit=2).to(Sink.collect())
    with pytest.raises(Spoilt) as caught:
        stream.run(system).result(timeout=DUE)
    assert caught.value.args == (6,)


def test_a_restart_loses_the_state_and_nothing_else(system: ActorSystem) -> None:
    restarted: list[StageRestarted] = []
    system.events.subscribe(StageRestarted, restarted.append)

    def add(state: int, element: int) -> int:
        return state + spoil(3)(element)

    running = Source(range(6)).scan(0, add).on_error(OnError.RESTART).named("sum").to(Sink.collect()).run(system)
    assert running.result(timeout=DUE) == [0, 1, 3, 4, 9]
    assert running.stats().stages[1].restarts == 1
    assert [one.stage for one in restarted] == ["sum"]


def test_a_source_that_raises_in_the_middle_fails_the_stream_behind_what_it_gave(system: ActorSystem) -> None:
    seen: list[int] = []

    def source() -> Iterator[int]:
        yield from range(700)
        raise Spoilt

    with pytest.raises(Spoilt):
        Source(source).map(lambda e: e).to(Sink.each(seen.append)).run(system, buffer=16).result(timeout=DUE)
    assert seen == list(range(700))


def broken() -> Iterator[int]:
    yield 1
    msg = "broken"
    raise ValueError(msg)


def test_an_error_from_before_comes_behind_what_is_being_given(system: ActorSystem) -> None:
    seen: list[int] = []
    running = Source(broken).flat_map(lambda _: range(50)).to(Sink.each(seen.append)).run(system, buffer=2)
    with pytest.raises(ValueError, match="broken"):
        running.result(timeout=DUE)
    assert seen == list(range(50))


@pytest.mark.parametrize("build", [lambda s: s.batch(2), lambda s: s.window(2), lambda s: s.window_time(1.0), lambda s: s.fold(0, max)])
def test_a_batch_that_an_error_ends_is_not_given(system: ActorSystem, build: Callable[[Source[int]], Source[Any]]) -> None:
    seen: list[Any] = []
    with pytest.raises(ValueError, match="broken"):
        build(Source(broken)).to(Sink.each(seen.append)).run(system).result(timeout=DUE)
    assert seen == []


def test_a_source_made_by_a_function_begins_anew(system: ActorSystem) -> None:
    tries = itertools.count()

    def source() -> Iterator[int]:
        number = next(tries)
        yield number * 10
        if number < 2:
            raise Spoilt
        yield number * 10 + 1

    stream = Source(source).on_error(OnError.RESTART).to(Sink.collect())
    assert stream.run(system).result(timeout=DUE) == [0, 10, 20, 21]


def test_a_source_that_never_gives_anything_is_not_tried_for_ever(system: ActorSystem) -> None:
    def source() -> Iterator[int]:
        raise Spoilt
        yield 0

    for policy in (OnError.RESTART, OnError.SKIP):
        with pytest.raises(Spoilt):
            Source(source).on_error(policy).to(Sink.collect()).run(system).result(timeout=DUE)


def test_an_iterator_cannot_begin_anew() -> None:
    with pytest.raises(ValueError, match="an iterator cannot begin anew"):
        Source(iter(range(3))).on_error(OnError.RESTART)


def test_after_a_generator_has_raised_skipping_ends_it(system: ActorSystem) -> None:
    def source() -> Iterator[int]:
        yield 1
        raise Spoilt

    assert Source(source).on_error(OnError.SKIP).to(Sink.collect()).run(system).result(timeout=DUE) == [1]


def test_stop_iteration_of_a_function_is_an_error_and_not_an_end(system: ActorSystem) -> None:
    def function(_: int) -> int:
        raise StopIteration

    with pytest.raises(StopIteration):
        Source(range(3)).map(function).to(Sink.collect()).run(system).result(timeout=DUE)


def test_the_host_s_cancellation_out_of_a_function_is_an_error(system: ActorSystem) -> None:
    """It would end the handler only, and the stream would stand still."""
    import asyncio

    def function(_: int) -> int:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        Source(range(3)).map(function).to(Sink.collect()).run(system).result(timeout=DUE)


def test_a_sink_that_raises_fails_the_stream(system: ActorSystem) -> None:
    with pytest.raises(Spoilt):
        Source(itertools.count()).to(Sink.each(spoil(5))).run(system).result(timeout=DUE)


def test_collect_holds_no_more_than_its_limit(system: ActorSystem) -> None:
    with pytest.raises(StreamLimitError) as caught:
        Source(itertools.count()).to(Sink.collect(10)).run(system).result(timeout=DUE)
    assert caught.value.limit == 10
    assert Source(range(10)).to(Sink.collect(10)).run(system).result(timeout=DUE) == list(range(10))


def test_an_error_in_one_branch_ends_the_others(system: ActorSystem) -> None:
    one, two = Source(itertools.count()).broadcast(2)
    with pytest.raises(Spoilt):
        Stream(one.map(spoil(100)).to(Sink.count()), two.to(Sink.count())).run(system).result(timeout=DUE)


@pytest.mark.parametrize(
    ("key", "error"), [(lambda _: 2, ValueError), (lambda _: -1, ValueError), (lambda _: "1", ValueError), (spoil(3), Spoilt)]
)
def test_a_key_that_names_no_branch_fails_the_stream(system: ActorSystem, key: Callable[[Any], Any], error: type[Exception]) -> None:
    one, two = Source([3]).partition(2, key)
    with pytest.raises(error) as caught:
        Stream(one.to(Sink.count()), two.to(Sink.count())).run(system).result(timeout=DUE)
    assert "'partition'" in caught.value.__notes__[0]


@pytest.mark.parametrize("join", [Source.zip, Source.merge])
def test_an_error_of_one_source_does_not_wait_for_another(system: ActorSystem, join: Callable[..., Source[Any]]) -> None:
    """The other one would never give anything."""

    def nothing() -> Iterator[int]:
        while True:
            if blocked:
                return
        yield 0

    blocked: list[bool] = []
    running = join(Source(iter([1, 2])).map(spoil(2)), Source(nothing)).to(Sink.count()).run(system)
    with pytest.raises(Spoilt):
        running.result(timeout=DUE)
    blocked.append(True)


# -- actors of the stream that end -------------------------------------------------------------------------------------------


def endless(system: ActorSystem) -> StreamRun[int]:
    """A stream that does not end by itself, under way."""
    running = Source(itertools.count()).map(lambda e: e).filter(lambda e: e % 2).to(Sink.count()).run(system)
    while running.stats().stages[-1].taken == 0:
        pass
    return running


def stage(system: ActorSystem, running: StreamRun[Any], kind: str) -> ActorRef[Any]:
    return next(ref for ref in system.actors() if ref.path.startswith(running.ref.path + "/") and ref.path.endswith(kind))


@pytest.mark.parametrize("kind", ["source", "map", "filter", "count"])
@pytest.mark.parametrize("how", ["kill", "stop"])
def test_a_stage_that_is_ended_from_outside_fails_the_stream(system: ActorSystem, kind: str, how: str) -> None:
    running = endless(system)
    getattr(stage(system, running, kind), how)()
    with pytest.raises(StageDiedError) as caught:
        running.result(timeout=DUE)
    assert caught.value.stage == kind
    assert running.stats().state is StreamState.FAILED


def test_a_stage_that_is_restarted_from_outside_fails_the_stream(system: ActorSystem) -> None:
    """What it had is gone, and no policy of the stream's knows of that."""
    for kind in ("map", "source"):
        running = endless(system)
        stage(system, running, kind).restart()
        with pytest.raises(StageDiedError) as caught:
            running.result(timeout=DUE)
        assert caught.value.stage == kind


def test_a_stream_whose_actor_is_killed_ends(system: ActorSystem) -> None:
    running = endless(system)
    running.ref.kill()
    with pytest.raises(StageDiedError):
        running.result(timeout=DUE)


def test_a_stream_whose_actor_is_stopped_is_cancelled(system: ActorSystem) -> None:
    running = endless(system)
    running.ref.stop()
    with pytest.raises(StreamCancelled):
        running.result(timeout=DUE)


def test_a_stream_whose_actor_is_restarted_is_cancelled_and_ends(system: ActorSystem) -> None:
    running = endless(system)
    running.ref.restart()
    with pytest.raises(StreamCancelled):
        running.result(timeout=DUE)


def test_a_message_of_no_kind_that_crashes_a_stage_fails_the_stream(system: ActorSystem) -> None:
    from actors.streams.messages import Elements

    running = endless(system)
    stage(system, running, "map").tell(Elements(7, []))
    with pytest.raises(StageDiedError) as caught:
        running.result(timeout=DUE)
    assert isinstance(caught.value.__cause__, IndexError)


def test_what_a_generator_raises_when_it_is_closed_is_told(system: ActorSystem) -> None:
    from actors.events import CallbackFailed

    told: list[CallbackFailed] = []
    system.events.subscribe(CallbackFailed, told.append)

    def source() -> Iterator[int]:
        try:
            yield from itertools.count()
        finally:
            raise Spoilt

    assert Source(source).take(3).to(Sink.collect()).run(system).result(timeout=DUE) == [0, 1, 2]
    assert [type(one.error) for one in told] == [Spoilt]


# -- graphs that cannot be run -----------------------------------------------------------------------------------------------


def test_a_branch_that_is_not_used_is_refused(system: ActorSystem) -> None:
    one, _ = Source(range(3)).named("numbers").broadcast(2)
    with pytest.raises(StreamGraphError, match="branch 1 of 2 is not used"):
        one.to(Sink.count()).run(system)
    assert system.actors() == []


def test_a_stage_that_is_used_twice_is_refused(system: ActorSystem) -> None:
    source = Source(range(3)).named("numbers")
    with pytest.raises(StreamGraphError, match="used twice") as caught:
        source.map(str).zip(source.map(str)).to(Sink.count()).run(system)
    assert caught.value.stage == "numbers"


def test_branches_that_wait_for_each_other_for_ever_fail(system: ActorSystem) -> None:
    """The filter lets one of a thousand through; zip has room for few of those it waits with."""
    one, two = Source(itertools.count()).named("numbers").broadcast(2)
    stream = one.filter(lambda e: e % 1000 == 999).zip(two).take(5).to(Sink.collect())
    with pytest.raises(StreamGraphError, match="wait for each other") as caught:
        stream.run(system, buffer=16).result(timeout=DUE)
    assert caught.value.stage == "broadcast"


def test_a_buffer_lets_branches_wait_for_each_other(system: ActorSystem) -> None:
    one, two = Source(itertools.count()).broadcast(2)
    stream = one.filter(lambda e: e % 100 == 99).zip(two.buffer(1000)).take(5).to(Sink.collect())
    assert stream.run(system, buffer=16).result(timeout=DUE) == [(99 + 100 * i, i) for i in range(5)]


# -- arguments ---------------------------------------------------------------------------------------------------------------


async def coroutine() -> list[int]:
    return [1]


BAD: list[tuple[Callable[[], object], type[Exception], str]] = [
    (lambda: Source(3), TypeError, "elements=3"),  # type: ignore[arg-type]
    (lambda: Source(coroutine), TypeError, "it gives a coroutine"),  # type: ignore[arg-type]
    (lambda: Source([], name=3), TypeError, "name=3"),  # type: ignore[arg-type]
    (lambda: Source([], name=""), ValueError, "name=''"),
    (lambda: Source([]).map(None), TypeError, "function=None"),  # type: ignore[call-overload]
    (lambda: Source([]).filter(3), TypeError, "predicate=3"),  # type: ignore[arg-type]
    (lambda: Source([]).take(-1), ValueError, "count=-1"),
    (lambda: Source([]).drop(1.5), TypeError, "count=1.5"),  # type: ignore[arg-type]
    (lambda: Source([]).batch(0), ValueError, "most=0"),
    (lambda: Source([]).batch(1, within=-1), ValueError, "within=-1"),
    (lambda: Source([]).window(0), ValueError, "count=0"),
    (lambda: Source([]).window(1, every=0), ValueError, "every=0"),
    (lambda: Source([]).broadcast(0), ValueError, "count=0"),
    (lambda: Source([]).merge(), ValueError, "others="),
    (lambda: Source([]).zip([1]), TypeError, r"others=\[1\]"),  # type: ignore[call-overload]
    (lambda: Source([]).buffer(0), ValueError, "capacity=0"),
    (lambda: Source([]).buffer(1, "BLOCK"), TypeError, "overflow='BLOCK'"),  # type: ignore[arg-type]
    (lambda: Source([]).on_error("skip"), TypeError, "policy='skip'"),  # type: ignore[arg-type]
    (lambda: Source([]).on_error(OnError.SKIP, limit=-1), ValueError, "limit=-1"),
    (lambda: Source([]).named(None), TypeError, "name=None"),  # type: ignore[arg-type]
    (lambda: Source([1]).broadcast(2)[0].named("x"), ValueError, "branch of a broadcast"),
    (lambda: Source([1]).partition(2, int)[0].named("x"), ValueError, "branch of a partition"),
    (lambda: Source([1]).partition(0, int), ValueError, "count=0"),
    (lambda: Source([1]).partition(2, 3), TypeError, "key=3"),  # type: ignore[arg-type]
    (lambda: Source([]).via(lambda s: 3), TypeError, "returned 3"),  # type: ignore[arg-type,return-value]
    (lambda: Source([]).to(print), TypeError, "sink="),  # type: ignore[arg-type]
    (lambda: Sink.collect(-1), ValueError, "limit=-1"),
    (lambda: Sink.each(3), TypeError, "function=3"),  # type: ignore[arg-type]
    (Stream, ValueError, "streams="),
    (lambda: Stream(3), TypeError, "streams=3"),  # type: ignore[call-overload]
    (lambda: Source([]).to(Sink.count()).run(3), TypeError, "system=3"),  # type: ignore[arg-type]
    (lambda: Source([]).to(Sink.count()).run(ActorSystem), TypeError, "system=<class"),  # type: ignore[arg-type]
]


@pytest.mark.parametrize(("call", "error", "text"), BAD)
def test_bad_arguments_are_refused_at_once(call: Callable[[], object], error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        call()


def test_a_buffer_of_nothing_is_refused(system: ActorSystem) -> None:
    with pytest.raises(ValueError, match="buffer=0"):
        Source([]).to(Sink.count()).run(system, buffer=0)


def test_errors_are_told_apart_after_copies() -> None:
    import copy

    for error in (StreamCancelled("a"), StageDiedError("a", "b"), StreamGraphError("why", "b"), StreamLimitError("b", 3)):
        twin = copy.copy(error)
        assert (str(twin), vars(twin)) == (str(error), vars(error))


async def doubled(element: int) -> int:
    return 2 * element


@pytest.mark.parametrize("parallel", [1, 2])
def test_a_plain_function_that_returns_a_coroutine_fails_the_stream_and_says_what_to_do(system: ActorSystem, parallel: int) -> None:
    stream = Source([1]).map(lambda element: doubled(element), parallel=parallel).to(Sink.collect())  # noqa: PLW0108  # it hides what it is
    with pytest.raises(TypeError, match="make it an `async def`"):
        stream.run(system).result(timeout=DUE)
