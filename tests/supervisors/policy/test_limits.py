from __future__ import annotations

import math
from collections import deque
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisors.policy import Limit, Window


class ByTheBook:
    """OTP's words: "If more than MaxR number of restarts occur in the last MaxT seconds, the supervisor terminates"."""

    def __init__(self, limit: Limit) -> None:
        self.limit = limit
        self.times: list[float] = []

    def look(self, now: float) -> int:
        # What a clock that jumped back left in the future happened now.
        self.times = [min(time, now) for time in self.times]
        self.times = [time for time in self.times if time >= now - self.limit.period]
        return len(self.times)

    def add(self, now: float) -> bool:
        self.look(now)
        self.times.append(now)
        return len(self.times) <= self.limit.restarts


limits = st.builds(
    Limit,
    restarts=st.integers(0, 6),
    period=st.one_of(st.integers(1, 10), st.floats(0.01, 10), st.just(math.inf)),
)
# Whole numbers meet the edges of the window exactly; others meet the roundings.
steps = st.one_of(st.integers(-4, 8), st.floats(-4, 8), st.sampled_from([0, 0, -100, 100]))
observations = st.lists(st.tuples(st.sampled_from(["add", "add", "count"]), steps), max_size=60)


@given(limits, observations, st.sampled_from([0.0, 1e9]))
def test_a_window_decides_as_otps_documentation_says(limit: Limit, todo: list[tuple[str, float]], now: float) -> None:
    window, book = Window(limit), ByTheBook(limit)
    for what, step in todo:
        now += step
        if what == "add":
            assert window.add(now) == book.add(now)
        else:
            assert window.count(now) == min(book.look(now), limit.restarts + 1)


@given(limits, observations)
def test_a_window_remembers_one_restart_more_than_its_limit_at_most(limit: Limit, todo: list[tuple[str, float]]) -> None:
    window, now = Window(limit), 0.0
    for what, step in todo:
        now += step
        window.add(now) if what == "add" else window.count(now)
        assert sum(many for _, many in window._runs) == window._total <= limit.restarts + 1
        assert all(many > 0 for _, many in window._runs)


class Counting(deque[Any]):
    """Counts what is taken out of it."""

    taken = 0

    def pop(self) -> Any:  # type: ignore[override]
        self.taken += 1
        return super().pop()

    def popleft(self) -> Any:
        self.taken += 1
        return super().popleft()


@pytest.mark.parametrize("step", [-1.0, 0.0, 1.0, 1e-9])
def test_a_window_looks_at_each_restart_a_few_times_at_most(step: float) -> None:
    window = Window(Limit(1000, 500.0))
    window._runs = runs = Counting()
    now = 0.0
    for _ in range(3000):  # also with a clock that goes back each time, which moves all restarts each time
        now += step
        window.add(now)
        window.count(now)
    assert runs.taken <= 4 * 3000


def test_a_window_of_no_limit_remembers_nothing() -> None:
    window = Window(None)
    assert all(window.add(0.0) for _ in range(1000))
    assert window.count(0.0) == 0
    assert not window._runs


def test_the_default_of_otp_allows_one_restart_in_five_seconds() -> None:
    window = Window(Limit(1, 5.0))
    assert window.add(0.0)
    assert window.add(5.1)
    assert not window.add(10.1)  # exactly five seconds after: both ends count


def test_a_limit_of_no_restarts_gives_up_at_the_first() -> None:
    assert not Window(Limit(0, 5.0)).add(0.0)


def test_a_clock_that_jumps_back_neither_forgets_restarts_nor_keeps_them_for_ever() -> None:
    window = Window(Limit(1, 5.0))
    assert window.add(1000.0)
    assert not window.add(0.0)  # not forgotten
    assert window.count(5.0) == 2
    assert window.count(5.1) == 0  # not kept until the clock is at 1000 again
    assert window.add(6.0)


def test_a_limit_for_a_whole_life_never_forgets() -> None:
    window = Window(Limit(2, math.inf))
    assert [window.add(now) for now in (0.0, 1e6, 1e12)] == [True, True, False]


@pytest.mark.parametrize(
    ("restarts", "period", "error", "names"),
    [
        (-1, 5.0, ValueError, "restarts=-1"),
        (1.0, 5.0, TypeError, "restarts=1.0"),
        (True, 5.0, TypeError, "restarts=True"),
        (None, 5.0, TypeError, "restarts=None"),
        (1, 0, ValueError, "period=0"),
        (1, -1.0, ValueError, "period=-1.0"),
        (1, math.nan, ValueError, "period=nan"),
        (1, -math.inf, ValueError, "period=-inf"),
        (1, True, TypeError, "period=True"),
        (1, "5", TypeError, "period='5'"),
        (1, 10**400, ValueError, "period=1000"),
    ],
)
def test_a_bad_limit_is_refused_by_name_and_value(restarts: object, period: object, error: type[Exception], names: str) -> None:
    with pytest.raises(error, match=names) as caught:
        Limit(restarts, period)  # type: ignore[arg-type]
    assert type(caught.value) is error


@pytest.mark.parametrize("limit", [3, (3, 5.0), "3 in 5 s"])
def test_a_window_wants_a_limit(limit: object) -> None:
    with pytest.raises(TypeError, match="limit="):
        Window(limit)  # type: ignore[arg-type]


@pytest.mark.parametrize("now", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("limit", [None, Limit(1, 5.0)])
def test_a_time_that_is_none_is_refused_and_changes_nothing(now: float, limit: Limit | None) -> None:
    window = Window(limit)
    window.add(0.0)
    before = window.count(0.0)
    for look in (window.add, window.count):
        with pytest.raises(ValueError, match="now="):
            look(now)
    assert window.count(0.0) == before
