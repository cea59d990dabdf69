"""When recurring tasks are due, and what becomes of runs that were missed."""

from __future__ import annotations

import math
from dataclasses import FrozenInstanceError
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from actors import TimerMode
from actors.scheduler.recurrence import SHORTEST, Cron, Due, Every, Recurrence, due_runs
from actors.scheduler.work import Missed
from actors.scheduler.zones import LATEST
from tests.support import scaled

RATE, DELAY = TimerMode.FIXED_RATE, TimerMode.FIXED_DELAY
YEAR = 365.25 * 86_400
MIDNIGHT = datetime(2026, 1, 1, tzinfo=UTC).timestamp()

intervals = st.floats(SHORTEST, 1e6)
moments = st.floats(-1e9, 1e10)


# -- every -----------------------------------------------------------------------------------------------------------------


def test_a_fixed_rate_is_counted_from_the_origin() -> None:
    every = Every(10.0, RATE, 5.0)
    assert [every.next_after(at) for at in (-100.0, 4.9, 5.0, 14.9, 15.0, 1004.0)] == [5.0, 5.0, 15.0, 15.0, 25.0, 1005.0]


def test_a_fixed_delay_is_counted_from_the_time_asked_about() -> None:
    every = Every(10.0, DELAY, 5.0)
    assert [every.next_after(at) for at in (0.0, 4.5, 1004.0)] == [10.0, 14.5, 1014.0]
    assert (every.count(0.0, 1e6), every.latest(0.0, 1e6, 10)) == (0, ())


@given(intervals, moments, st.integers(0, 2**40))
def test_a_fixed_rate_has_no_drift(interval: float, origin: float, number: int) -> None:
    """Whichever run it is, it is due at ``origin + n * interval``, rounded only as one multiplication and one addition are."""
    assume(origin + (number + 1) * interval < LATEST)
    every = Every(interval, RATE, origin)
    due, later = origin + number * interval, origin + (number + 1) * interval
    assert every.next_after(due) == later
    assert every.next_after(math.nextafter(due, -math.inf)) == due
    assert abs(later - due - interval) <= 4 * math.ulp(max(abs(origin), later, 1.0))


def test_a_tenth_of_a_second_is_due_a_million_times_without_adding_up_what_is_rounded() -> None:
    every = Every(0.1)
    due: float | None = 0.0
    for _ in range(scaled(1_000_000, 10_000)):
        assert due is not None
        due = every.next_after(due)
    assert due == scaled(1_000_000, 10_000) * 0.1


@given(intervals, moments, st.lists(moments, min_size=1, max_size=20))
def test_times_are_strictly_later_than_what_was_asked_and_the_first_that_are(interval: float, origin: float, asked: list[float]) -> None:
    every = Every(interval, RATE, origin)
    for at in asked:
        due = every.next_after(at)
        assert due is not None
        assert due > at
        assert every.count(at, due) == 1
        assert every.latest(at, due, 5) == (due,)
        assert every.count(at, math.nextafter(due, -math.inf)) == 0


@given(st.sampled_from([RATE, DELAY]), st.sampled_from([LATEST, LATEST * 2.0, 1e300, math.inf]))
def test_beyond_the_years_of_a_datetime_there_is_no_time(mode: TimerMode, after: float) -> None:
    assert Every(60.0, mode).next_after(after) is None
    assert Every(1e300, mode).next_after(1.0) is None


@pytest.mark.parametrize("interval", [0, 0.0, -1.0, 0.0009, math.nan, math.inf, 1e-300, 10**400])
def test_an_interval_that_is_none_is_refused(interval: float) -> None:
    with pytest.raises(ValueError, match="interval="):
        Every(interval)


@pytest.mark.parametrize("interval", ["1", None, True, 1j, [1]])
def test_an_interval_that_is_no_number_is_refused(interval: Any) -> None:
    with pytest.raises(TypeError, match="interval="):
        Every(interval)


def test_a_mode_or_origin_that_is_none_is_refused() -> None:
    with pytest.raises(TypeError, match="mode='fixed rate'"):
        Every(1.0, "fixed rate")  # type: ignore[arg-type]
    for origin in (math.nan, math.inf, -math.inf, 1e300):
        with pytest.raises(ValueError, match="origin="):
            Every(1.0, RATE, origin)


def test_recurrences_are_records() -> None:
    assert Every(60) == Every(60.0, RATE, 0.0)
    assert len({Every(60), Every(60.0), Cron("* * * * *"), Cron("* * * * *", "UTC"), Cron("* * * * *", ZoneInfo("UTC"))}) == 3
    with pytest.raises(FrozenInstanceError):
        Every(60.0).interval = 1.0  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        Cron("* * * * *").expression = "0 * * * *"  # type: ignore[misc]


# -- what is due, and what was missed --------------------------------------------------------------------------------------


def runs(recurrence: Recurrence, due: float, now: float, policy: Missed, *, grace: float = 1.0, limit: int = 1000) -> Due:
    return due_runs(recurrence, due, now, grace=grace, policy=policy, limit=limit)


MINUTELY = Every(60.0, RATE, 0.0)


@pytest.mark.parametrize("policy", Missed)
def test_nothing_is_due_before_its_time(policy: Missed) -> None:
    assert runs(MINUTELY, 120.0, 119.9, policy) == Due((), 0, None, None, 120.0)
    assert runs(MINUTELY, 120.0, -1e9, policy) == Due((), 0, None, None, 120.0)  # the clock went back


@pytest.mark.parametrize("policy", Missed)
@pytest.mark.parametrize("late", [0.0, 0.5, 1.0])
def test_a_run_within_its_grace_begins_under_any_policy(policy: Missed, late: float) -> None:
    assert runs(MINUTELY, 120.0, 120.0 + late, policy) == Due((120.0,), 0, None, None, 180.0)


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (Missed.SKIP, Due((), 4, 120.0, 300.0, 360.0)),
        (Missed.ONCE, Due((300.0,), 3, 120.0, 240.0, 360.0)),
        (Missed.ALL, Due((120.0, 180.0, 240.0, 300.0), 0, None, None, 360.0)),
    ],
)
def test_what_becomes_of_missed_runs_is_a_matter_of_the_policy(policy: Missed, expected: Due) -> None:
    assert runs(MINUTELY, 120.0, 310.0, policy) == expected


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (Missed.SKIP, Due((300.0,), 3, 120.0, 240.0, 360.0)),
        (Missed.ONCE, Due((300.0,), 3, 120.0, 240.0, 360.0)),
        (Missed.ALL, Due((120.0, 180.0, 240.0, 300.0), 0, None, None, 360.0)),
    ],
)
def test_a_run_that_is_in_time_stands_for_those_missed_before_it(policy: Missed, expected: Due) -> None:
    assert runs(MINUTELY, 120.0, 300.5, policy) == expected


def test_all_that_was_missed_is_the_latest_of_it_up_to_the_limit() -> None:
    assert runs(MINUTELY, 0.0, 6000.0, Missed.ALL, limit=3) == Due((5880.0, 5940.0, 6000.0), 98, 0.0, 5820.0, 6060.0)


def test_runs_in_time_are_bounded_as_well() -> None:
    found = runs(Every(0.001), 0.0, 10.0, Missed.SKIP, grace=100.0, limit=10)
    assert (len(found.run), found.missed, found.run[-1]) == (10, 9_991, 10.0)


@pytest.mark.parametrize("policy", Missed)
def test_a_fixed_delay_has_one_run_due_however_late_it_is(policy: Missed) -> None:
    late = runs(Every(60.0, DELAY), 120.0, 10_000.0, policy)
    expected = Due((), 1, 120.0, 120.0, 10_060.0) if policy is Missed.SKIP else Due((120.0,), 0, None, None, 10_060.0)
    assert late == expected


@pytest.mark.parametrize("policy", Missed)
def test_a_year_of_milliseconds_takes_no_longer_than_its_last_thousand(policy: Missed) -> None:
    found = runs(Every(0.001, RATE, MIDNIGHT), MIDNIGHT, MIDNIGHT + YEAR, policy, grace=0.0)
    assert len(found.run) == {Missed.SKIP: 1, Missed.ONCE: 1, Missed.ALL: 1000}[policy]
    assert found.missed + len(found.run) == round(YEAR * 1000) + 1
    assert found.next is not None
    assert 0 < found.next - (MIDNIGHT + YEAR) <= 0.002


def test_a_cron_missed_for_years_is_counted_and_its_last_runs_are_found() -> None:
    found = runs(Cron("* * * * * *"), MIDNIGHT, MIDNIGHT + 30 * 365 * 86_400, Missed.ALL)
    assert (len(found.run), found.missed) == (1000, 30 * 365 * 86_400 + 1 - 1000)
    assert found.last_missed == found.run[0] - 1.0


def test_a_cron_that_fires_never_again_has_no_next() -> None:
    last = datetime(9996, 2, 29, tzinfo=UTC).timestamp()
    assert runs(Cron("0 0 29 2 *"), last, float(LATEST), Missed.SKIP, grace=0.0) == Due((), 1, last, last, None)


def test_a_due_time_that_the_recurrence_does_not_have_counts_as_due() -> None:
    """As when a schedule was changed after it had been written down when it is due."""
    assert runs(MINUTELY, 130.0, 250.0, Missed.ALL) == Due((130.0, 180.0, 240.0), 0, None, None, 300.0)
    assert runs(Cron("* * * * *"), 130.0, 250.0, Missed.SKIP) == Due((), 3, 130.0, 240.0, 300.0)


recurrences = st.one_of(
    st.builds(Every, st.floats(0.5, 5000.0), st.just(RATE), st.floats(MIDNIGHT - 1e5, MIDNIGHT + 1e5)),
    st.builds(Every, st.floats(0.5, 5000.0), st.just(DELAY)),
    st.builds(
        Cron,
        st.sampled_from(["* * * * * *", "*/7 * * * *", "30 2 * * *", "0 0 * * 1", "0 0 1 1 *", "10,40 1-3 * * *"]),
        st.sampled_from(["UTC", "Europe/Berlin", "Australia/Lord_Howe"]),
    ),
)


@settings(max_examples=scaled(3000, 150))
@given(
    recurrences,
    st.floats(MIDNIGHT, MIDNIGHT + YEAR),
    st.floats(0.0, 3000.0),
    st.floats(0.0, 4000.0),
    st.sampled_from(Missed),
    st.sampled_from([1, 2, 5, 1000]),
)
def test_everything_due_is_run_or_counted(
    recurrence: Recurrence, begin: float, span: float, grace: float, policy: Missed, limit: int
) -> None:
    due = recurrence.next_after(begin)
    assert due is not None
    now = due + span
    times = [due]
    if not (isinstance(recurrence, Every) and recurrence.mode is DELAY):
        while (later := recurrence.next_after(times[-1])) is not None and later <= now:
            times.append(later)
    found = due_runs(recurrence, due, now, grace=grace, policy=policy, limit=limit)

    in_time = [time for time in times if now - time <= grace]
    wanted = {Missed.SKIP: in_time, Missed.ONCE: in_time or times[-1:], Missed.ALL: times}[policy][-limit:]
    assert list(found.run) == wanted
    missed = times[: len(times) - len(wanted)]
    assert (found.missed, found.first_missed, found.last_missed) == (len(missed), *((missed[0], missed[-1]) if missed else (None, None)))
    assert found.next == recurrence.next_after(now)
    assert all(one < other for one, other in pairwise([*found.run, found.next or math.inf]))
