"""Stages that go by the clock, in virtual time."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors import Actor
from actors.streams import Sink, Source, Stream
from actors.testing import Simulation


def at(*moments: float) -> Source[float]:
    """A source that gives each of `moments` at that time."""

    async def source() -> AsyncIterator[float]:
        loop = asyncio.get_running_loop()
        begun = loop.time()
        for moment in moments:
            await asyncio.sleep(begun + moment - loop.time())
            yield moment

    return Source(source)


def outcome(source: Source[Any], *, buffer: int = 512) -> list[tuple[float, Any]]:
    """Return when what came out, in virtual seconds after the beginning."""
    with Simulation() as sim:
        begun = sim.now
        seen: list[tuple[float, Any]] = []
        run: Any = source.to(Sink.each(lambda e: seen.append((round(sim.now - begun, 6), e)))).run(sim.system, buffer=buffer)
        run.result()
        return seen


def test_ticks_come_by_the_clock() -> None:
    assert outcome(Source.ticks(0.5, times=3)) == [(0.5, 0), (1.0, 1), (1.5, 2)]
    assert outcome(Source.ticks(0.5, times=0)) == []


def test_ticks_do_not_drift() -> None:
    assert outcome(Source.ticks(0.1, times=1_000))[-1] == (100.0, 999)


def test_a_tick_without_room_is_not_made_up_for() -> None:
    found = outcome(Source.ticks(1.0, times=5).throttle(0.1), buffer=1)
    assert [number for _, number in found] == [0, 1, 2, 3, 4]
    moments = [moment for moment, _ in found]
    assert all(later - earlier == pytest.approx(10) for earlier, later in itertools.pairwise(moments))


def test_a_throttle_lets_through_so_many_a_second() -> None:
    found = outcome(Source(range(5)).throttle(2))
    assert found == [(0.0, 0), (0.5, 1), (1.0, 2), (1.5, 3), (2.0, 4)]


def test_a_throttle_lets_a_burst_through_after_a_rest() -> None:
    found = outcome(at(0, 0, 0, 0, 10, 10, 10, 10).throttle(1, burst=3))
    assert [moment for moment, _ in found] == [0, 0, 0, 1, 10, 10, 10, 11]


@settings(deadline=None, max_examples=40)
@given(count=st.integers(0, 200), rate=st.floats(0.01, 1e6), burst=st.integers(1, 50), buffer=st.integers(1, 20))
def test_no_time_sees_more_than_rate_and_burst_allow(count: int, rate: float, burst: int, buffer: int) -> None:
    found = outcome(Source(range(count)).throttle(rate, burst=burst), buffer=buffer)
    assert [element for _, element in found] == list(range(count))
    for number, (moment, _) in enumerate(found):
        assert number + 1 <= burst + moment * rate + 1e-3 + rate * 1e-6
        if number >= burst:  # and not fewer, as there is always one that waits
            assert moment <= (number + 1 - burst) / rate + 1e-3 * (1 + number)


def test_a_window_of_time_has_what_came_in_it() -> None:
    found = outcome(at(0.1, 0.2, 1.5, 3.2, 3.3).window_time(1.0))
    assert found == [(1.0, [0.1, 0.2]), (2.0, [1.5]), (3.3, [3.2, 3.3])]


def test_a_window_of_time_may_slide() -> None:
    found = outcome(at(0.25, 0.75, 1.25, 4.1, 4.2).window_time(1.0, every=0.5))
    assert found == [(0.5, [0.25]), (1.0, [0.25, 0.75]), (1.5, [0.75, 1.25]), (2.0, [1.25]), (4.2, [4.1, 4.2])]


def test_a_window_of_time_is_given_at_the_end_only_if_something_came_since_the_last() -> None:
    assert outcome(at(0.25, 0.75).filter(lambda e: e < 0.5).window_time(1.0, every=0.5)) == [(0.5, [0.25])]


def test_a_window_of_time_gets_over_a_long_rest_at_once() -> None:
    """Moment by moment it would never come to an end."""
    assert outcome(at(0.0005, 1e8).window_time(0.001)) == [(0.001, [0.0005]), (1e8, [1e8])]


@pytest.mark.parametrize("moments", [(0.1, 1.1, 5.5, 11.5), (0.1, 1.1, 2.1, 4.5)], ids=["none is due", "one is due"])
def test_a_window_of_time_takes_nothing_while_one_that_is_due_has_no_room(moments: tuple[float, ...]) -> None:
    found = outcome(at(*moments).window_time(1.0).throttle(0.1), buffer=1)
    assert [window for _, window in found] == [[moment] for moment in moments]


def test_a_window_of_time_that_is_full_holds_up_what_comes_before() -> None:
    found = outcome(Source(range(10)).window_time(1.0, limit=4))
    assert found == [(1.0, [0, 1, 2, 3]), (2.0, [4, 5, 6, 7]), (2.0, [8, 9])]


@settings(deadline=None, max_examples=60)
@given(
    moments=st.lists(st.floats(0, 20).map(lambda e: round(e, 2) + 0.003), max_size=30).map(sorted), seconds=st.sampled_from([0.5, 1.0, 2.5])
)
def test_each_element_is_in_the_window_of_its_time(moments: list[float], seconds: float) -> None:
    found = outcome(at(*moments).window_time(seconds))
    assert [moment for _, window in found for moment in window] == moments
    for _, window in found:
        assert window
        assert len({int(moment / seconds) for moment in window}) == 1
    assert len(found) == len({int(moment / seconds) for moment in moments})


def windows(moments: list[float], seconds: float, every: float) -> list[tuple[float, list[float]]]:
    """When which windows there should be of elements at `moments`, with no more to come after the last."""
    if not moments:
        return []
    ends = [number * every for number in range(1, int(moments[-1] / every) + 1)]
    found = [(round(end, 6), [moment for moment in moments if end - seconds <= moment < end]) for end in ends]
    begun = ends[-1] if ends else 0.0
    if moments[-1] > begun:
        found.append((moments[-1], [moment for moment in moments if moment >= begun + every - seconds]))
    return [(end, window) for end, window in found if window]


@settings(deadline=None, max_examples=60)
@given(
    moments=st.lists(st.floats(0, 6).map(lambda e: round(round(e, 2) + 0.003, 3)), max_size=12).map(sorted),
    seconds=st.sampled_from([0.5, 1.0, 2.5]),
    share=st.integers(1, 4),
    buffer=st.sampled_from([1, 2, 512]),
)
def test_windows_of_time_are_those_of_plain_python(moments: list[float], seconds: float, share: int, buffer: int) -> None:
    found = outcome(at(*moments).window_time(seconds, every=seconds / share), buffer=buffer)
    assert found == windows(moments, seconds, seconds / share)


@settings(deadline=None, max_examples=60)
@given(length=st.integers(0, 20), count=st.integers(1, 8), every=st.integers(1, 8), buffer=st.sampled_from([1, 2, 512]))
def test_windows_of_a_number_are_those_of_plain_python(length: int, count: int, every: int, buffer: int) -> None:
    elements = list(range(length))
    expected = [elements[max(0, end - count) : end] for end in range(every, length + 1, every)]
    if length % every:
        expected.append(elements[-count:])
    assert [window for _, window in outcome(Source(elements).window(count, every=every), buffer=buffer)] == expected


def test_a_batch_waits_no_longer_than_it_is_to() -> None:
    assert outcome(at(0, 0.1, 5, 5, 5, 9).batch(3, within=1.0)) == [(1.0, [0, 0.1]), (5.0, [5, 5, 5]), (9.0, [9])]


def test_streams_that_wait_for_a_time_are_not_taken_for_stuck() -> None:
    with Simulation() as sim:
        one, two = Source(range(3)).broadcast(2)
        run: Any = Stream(one.throttle(0.001).to(Sink.count()), two.to(Sink.count())).run(sim.system, buffer=1)
        assert run.result() == (3, 3)


class Late(Actor):
    """Answers a thousand seconds later."""

    async def on_receive(self, message: int) -> int:
        await asyncio.sleep(1000.0)
        return message


def test_streams_that_wait_for_an_answer_are_not_taken_for_stuck() -> None:
    with Simulation() as sim:
        one, two = Source(range(5)).broadcast(2)
        run: Any = Stream(one.ask(sim.spawn(Late)).to(Sink.count()), two.to(Sink.count())).run(sim.system, buffer=1)
        assert run.result() == (5, 5)


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: Source.ticks(0), ValueError, "interval=0"),
        (lambda: Source.ticks("1"), TypeError, "interval='1'"),  # type: ignore[arg-type]
        (lambda: Source.ticks(1, times=-1), ValueError, "times=-1"),
        (lambda: Source([]).throttle(0), ValueError, "per_second=0"),
        (lambda: Source([]).throttle(float("inf")), ValueError, "per_second=inf"),
        (lambda: Source([]).throttle(True), TypeError, "per_second=True"),
        (lambda: Source([]).throttle(1, burst=0), ValueError, "burst=0"),
        (lambda: Source([]).window_time(0.0), ValueError, r"seconds=0\.0"),
        (lambda: Source([]).window_time(1, every=2), ValueError, "every=2"),
        (lambda: Source([]).window_time(1, limit=0), ValueError, "limit=0"),
    ],
)
def test_bad_arguments_are_refused_at_once(call: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        call()
