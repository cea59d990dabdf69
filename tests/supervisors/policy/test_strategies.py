from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisors.policy import AutoShutdown, Outcome, Restart, Strategy, affected, restarts, should_shut_down

NAMES = st.lists(st.text(max_size=3), min_size=1, max_size=8, unique=True)


@pytest.mark.parametrize(
    ("restart", "outcome", "again"),
    [
        (Restart.PERMANENT, Outcome.NORMAL, True),
        (Restart.PERMANENT, Outcome.ABNORMAL, True),
        (Restart.TRANSIENT, Outcome.NORMAL, False),
        (Restart.TRANSIENT, Outcome.ABNORMAL, True),
        (Restart.TEMPORARY, Outcome.NORMAL, False),
        (Restart.TEMPORARY, Outcome.ABNORMAL, False),
    ],
)
def test_a_child_is_restarted_as_its_kind_says(restart: Restart, outcome: Outcome, again: bool) -> None:
    assert restarts(restart, outcome) is again


@pytest.mark.parametrize("auto", AutoShutdown)
@pytest.mark.parametrize("others_left", [True, False])
def test_a_supervisor_ends_with_any_or_with_the_last_significant_child(auto: AutoShutdown, others_left: bool) -> None:
    # OTP: "any_significant: will shut down when any significant child terminates", "all_significant: when all significant children have"
    ended = {AutoShutdown.NEVER: False, AutoShutdown.ANY_SIGNIFICANT: True, AutoShutdown.ALL_SIGNIFICANT: not others_left}
    assert should_shut_down(auto, others_left) is ended[auto]


@given(NAMES, st.data())
def test_a_failure_affects_whom_the_strategy_says_in_start_order(names: list[str], data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(names) - 1))
    before, failed, after = names[:at], names[at], names[at + 1 :]
    assert affected(Strategy.ONE_FOR_ONE, names, failed) == (failed,)
    assert affected(Strategy.REST_FOR_ONE, names, failed) == (failed, *after)
    assert affected(Strategy.ONE_FOR_ALL, names, failed) == (*before, failed, *after)


@pytest.mark.parametrize("strategy", Strategy)
def test_a_stranger_affects_nobody(strategy: Strategy) -> None:
    with pytest.raises(ValueError, match=r"failed='c'.*'a', 'b'"):
        affected(strategy, ["a", "b"], "c")
