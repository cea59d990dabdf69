from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisors.policy import Backoff

seconds = st.floats(0, 1e6)
backoffs = st.builds(
    lambda initial, more, factor, jitter: Backoff(initial, initial + more, factor=factor, jitter=jitter),
    seconds,
    seconds,
    st.floats(1, 10),
    st.floats(0, 3),
)
chances = st.floats(0, 1, exclude_max=True)


@given(backoffs, st.integers(0, 40), chances)
def test_a_delay_is_the_initial_one_multiplied_as_often_as_was_waited(backoff: Backoff, attempt: int, chance: float) -> None:
    exact = Fraction(backoff.initial)
    for _ in range(attempt):  # the slow way, without rounding
        exact *= Fraction(backoff.factor)
    exact = min(exact, Fraction(backoff.maximum))
    exact = min(exact * (1 + Fraction(backoff.jitter) * Fraction(chance)), Fraction(backoff.maximum))
    assert backoff.delay(attempt, chance) == pytest.approx(float(exact), rel=1e-9, abs=1e-300)


@given(backoffs, st.integers(0, 10**30), chances)
def test_no_delay_is_outside_of_its_bounds(backoff: Backoff, attempt: int, chance: float) -> None:
    assert backoff.initial <= backoff.delay(attempt, chance) <= backoff.maximum


@given(backoffs, st.integers(0, 2000), chances)
def test_delays_never_shrink_from_one_attempt_to_the_next(backoff: Backoff, attempt: int, chance: float) -> None:
    assert backoff.delay(attempt, chance) <= backoff.delay(attempt + 1, chance)


def test_chance_makes_a_delay_longer_by_its_part() -> None:
    backoff = Backoff(1.0, 100.0, jitter=0.2)
    assert [backoff.delay(attempt, 0.0) for attempt in range(4)] == [1.0, 2.0, 4.0, 8.0]
    assert backoff.delay(2, 0.5) == 4.4


def test_the_maximum_holds_after_chance_too() -> None:
    assert Backoff(1.0, 3.0, jitter=1.0).delay(1, 0.9) == 3.0
    assert Backoff(1.0, 3.0, jitter=1.0).delay(9, 0.9) == 3.0


@pytest.mark.parametrize("attempt", [10_000, 10**9, 10**400])
def test_any_number_of_attempts_has_a_delay(attempt: int) -> None:
    assert Backoff(0.1, 60.0).delay(attempt, 0.0) == 60.0
    assert Backoff(0.1, 60.0, factor=2).delay(attempt, 0.0) == 60.0
    assert Backoff(0.1, 60.0, factor=1.0).delay(attempt, 0.0) == 0.1
    assert Backoff(0.0, 60.0).delay(attempt, 0.0) == 0.0


@given(st.integers(0, 100), st.floats(0, 100), st.none() | st.floats(0.1, 50))
def test_attempts_count_on_until_it_was_quiet_for_long_enough(attempt: int, quiet: float, reset_after: float | None) -> None:
    backoff = Backoff(1.0, 30.0, reset_after=reset_after)
    enough = 30.0 if reset_after is None else reset_after
    assert backoff.next_attempt(attempt, quiet) == (0 if quiet >= enough else attempt + 1)


def test_an_infinite_reset_never_begins_anew() -> None:
    assert Backoff(1.0, 30.0, reset_after=math.inf).next_attempt(3, 1e300) == 4


@pytest.mark.parametrize(
    ("given", "error", "names"),
    [
        ({"initial": -1}, ValueError, "initial=-1"),
        ({"initial": math.nan}, ValueError, "initial=nan"),
        ({"initial": math.inf, "maximum": math.inf}, ValueError, "initial=inf"),
        ({"initial": 10**400}, ValueError, "initial=1000"),
        ({"initial": False}, TypeError, "initial=False"),
        ({"initial": "1"}, TypeError, "initial='1'"),
        ({"maximum": 0.5}, ValueError, r"maximum=0.5.*initial=1.0"),
        ({"maximum": math.inf}, ValueError, "maximum=inf"),
        ({"maximum": math.nan}, ValueError, "maximum=nan"),
        ({"maximum": None}, TypeError, "maximum=None"),
        ({"factor": 0.5}, ValueError, "factor=0.5"),
        ({"factor": math.inf}, ValueError, "factor=inf"),
        ({"factor": True}, TypeError, "factor=True"),
        ({"jitter": -0.1}, ValueError, "jitter=-0.1"),
        ({"jitter": math.nan}, ValueError, "jitter=nan"),
        ({"jitter": math.inf}, ValueError, "jitter=inf"),
        ({"jitter": False}, TypeError, "jitter=False"),
        ({"reset_after": 0}, ValueError, "reset_after=0"),
        ({"reset_after": math.nan}, ValueError, "reset_after=nan"),
        ({"reset_after": True}, TypeError, "reset_after=True"),
    ],
)
def test_a_bad_backoff_is_refused_by_name_and_value(given: dict[str, object], error: type[Exception], names: str) -> None:
    with pytest.raises(error, match=names) as caught:
        Backoff(**{"initial": 1.0, "maximum": 10.0, **given})  # type: ignore[arg-type]
    assert type(caught.value) is error


@pytest.mark.parametrize(
    ("attempt", "chance", "error", "names"),
    [
        (-1, 0.0, ValueError, "attempt=-1"),
        (1.0, 0.0, TypeError, "attempt=1.0"),
        (True, 0.0, TypeError, "attempt=True"),
        (0, -0.1, ValueError, "chance=-0.1"),
        (0, 1.1, ValueError, "chance=1.1"),
        (0, math.nan, ValueError, "chance=nan"),
    ],
)
def test_a_delay_is_asked_for_with_sense(attempt: object, chance: float, error: type[Exception], names: str) -> None:
    with pytest.raises(error, match=names):
        Backoff(1.0, 10.0).delay(attempt, chance)  # type: ignore[arg-type]
