from __future__ import annotations

import math

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from supervisors.policy import Backoff, BreakerState
from supervisors.policy.breaker import BreakerRules, Circuit, Pass, abandon, admit, close, fail, retry_after, succeed, trip

CLOSED, OPEN, HALF_OPEN = BreakerState


class AgainstTheBook(RuleBasedStateMachine):
    """The circuit beside a breaker written down as its documentation tells it: a list of what happened, looked through each time."""

    @initialize(failures=st.integers(1, 4), reset=st.integers(1, 5), growing=st.booleans())
    def begin(self, failures: int, reset: int, growing: bool) -> None:
        self.backoff = Backoff(reset, 4 * reset, jitter=0.0, reset_after=10) if growing else None
        self.rules = BreakerRules(failures, self.backoff or reset)
        self.reset = reset
        self.circuit = Circuit()
        self.now = 0
        self.state = CLOSED
        self.bad_in_a_row = 0
        self.openings_in_a_row = 0
        self.closed_at = 0
        self.wait_until = 0
        self.wait = 0
        self.calls: list[dict] = []  # those under way
        self.period = 0  # grows with each change of state
        self.probe: dict | None = None  # that counts now

    def _open(self) -> None:
        self.openings_in_a_row += 1
        if self.state is CLOSED and self.openings_in_a_row > 1 and self.backoff and self.now - self.closed_at >= 10:
            self.openings_in_a_row = 1
        self.wait = min(4, 2 ** (self.openings_in_a_row - 1)) * self.reset if self.backoff else self.reset
        self.state, self.wait_until, self.probe = OPEN, self.now + self.wait, None
        self.period += 1

    def _close(self) -> None:
        self.state, self.bad_in_a_row, self.closed_at, self.probe = CLOSED, 0, self.now, None
        self.period += 1

    @rule(seconds=st.integers(0, 8))
    def time_passes(self, seconds: int) -> None:
        self.now += seconds

    @rule()
    def a_call_comes(self) -> None:
        through = self.state is CLOSED or self.now >= self.wait_until
        call: dict = {}
        if through and self.state is not CLOSED:
            if self.state is OPEN:
                self.period += 1
            self.state, self.probe, self.wait_until = HALF_OPEN, call, self.now + self.wait
        self.circuit, passed = admit(self.circuit, self.now)
        assert (passed is not None) == through
        if passed is not None:
            call.update(passed=passed, period=self.period)
            self.calls.append(call)

    def _back(self, data: st.DataObject) -> dict:
        return self.calls.pop(data.draw(st.integers(0, len(self.calls) - 1)))

    @precondition(lambda self: self.calls)
    @rule(data=st.data())
    def one_goes_well(self, data: st.DataObject) -> None:
        call = self._back(data)
        self.circuit = succeed(self.circuit, call["passed"], self.now)
        if call["period"] == self.period:
            self.bad_in_a_row = 0
            if self.state is HALF_OPEN:
                self._close()

    @precondition(lambda self: self.calls)
    @rule(data=st.data())
    def one_fails(self, data: st.DataObject) -> None:
        call = self._back(data)
        self.circuit = fail(self.circuit, self.rules, call["passed"], self.now, 0.5)
        if call["period"] != self.period:
            return
        if self.state is CLOSED:
            self.bad_in_a_row += 1
            if self.bad_in_a_row == self.rules.failures:
                self._open()
        elif call is self.probe:
            self._open()

    @precondition(lambda self: self.calls)
    @rule(data=st.data())
    def one_is_abandoned(self, data: st.DataObject) -> None:
        call = self._back(data)
        self.circuit = abandon(self.circuit, call["passed"], self.now)
        if call is self.probe:
            self.wait_until = self.now

    @rule()
    def it_is_tripped(self) -> None:
        self.circuit = trip(self.circuit, self.rules, self.now, 0.5)
        if self.state is OPEN:
            self.wait_until = self.now + self.wait
        else:
            self._open()

    @rule()
    def it_is_reset(self) -> None:
        self.circuit = close(self.circuit, self.now)
        if self.state is CLOSED:
            self.bad_in_a_row = 0
        else:
            self._close()

    @invariant()
    def they_agree(self) -> None:
        if hasattr(self, "circuit"):
            assert self.circuit.state is self.state
            expected = max(0, self.wait_until - self.now) if self.state is OPEN else None
            assert retry_after(self.circuit, self.now) == expected


TestAgainstTheBook = AgainstTheBook.TestCase


def through(circuit: Circuit, now: float) -> tuple[Circuit, Pass]:
    circuit, passed = admit(circuit, now)
    assert passed is not None
    return circuit, passed


def opened(now: float = 0.0, reset: float | Backoff = 10.0) -> tuple[Circuit, BreakerRules]:
    rules = BreakerRules(1, reset)
    return trip(Circuit(), rules, now, 0.0), rules


def test_half_open_lets_exactly_one_call_through() -> None:
    circuit, _ = opened()
    assert admit(circuit, 9.9)[1] is None
    circuit, _ = through(circuit, 10.0)
    assert circuit.state is HALF_OPEN
    assert admit(circuit, 10.0)[1] is None
    assert retry_after(circuit, 10.0) is None


def test_a_lost_probe_makes_room_for_the_next_after_as_long_as_the_circuit_was_open() -> None:
    circuit, rules = opened()
    circuit, lost = through(circuit, 10.0)
    assert admit(circuit, 19.9)[1] is None
    circuit, _ = through(circuit, 20.0)
    assert fail(circuit, rules, lost, 21.0, 0.0) == circuit  # its failure counts no more
    assert succeed(circuit, lost, 21.0).state is CLOSED  # its success does


def test_an_abandoned_probe_makes_room_at_once() -> None:
    circuit, _ = opened(reset=0.1)
    circuit, probe = through(circuit, 0.3)
    circuit = abandon(circuit, probe, 0.3)
    through(circuit, 0.3)


def test_what_was_let_through_before_the_circuit_opened_changes_nothing_after() -> None:
    circuit, early = through(Circuit(), 0.0)
    rules = BreakerRules(1, 10.0)
    circuit = trip(circuit, rules, 0.0, 0.0)
    for half in (circuit, through(circuit, 10.0)[0], close(circuit, 5.0)):
        assert succeed(half, early, 11.0) == fail(half, rules, early, 11.0, 0.0) == abandon(half, early, 11.0) == half


def test_a_clock_that_jumps_back_does_not_keep_the_circuit_open_for_longer_than_one_reset() -> None:
    circuit, _ = opened(now=1000.0)
    circuit, passed = admit(circuit, 0.0)
    assert passed is None
    assert retry_after(circuit, 0.0) == 10.0
    through(circuit, 10.0)


def test_chance_spreads_when_circuits_let_through() -> None:
    circuit = trip(Circuit(), BreakerRules(1, Backoff(10.0, 100.0, jitter=0.5)), 0.0, 0.5)
    assert retry_after(circuit, 0.0) == 12.5


@pytest.mark.parametrize(
    ("given", "error", "names"),
    [
        ({"failures": 0}, ValueError, "failures=0"),
        ({"failures": True}, TypeError, "failures=True"),
        ({"failures": 1.5}, TypeError, "failures=1.5"),
        ({"reset": 0}, ValueError, "reset=0"),
        ({"reset": -1.0}, ValueError, "reset=-1.0"),
        ({"reset": math.nan}, ValueError, "reset=nan"),
        ({"reset": math.inf}, ValueError, "reset=inf"),
        ({"reset": True}, TypeError, "reset=True"),
        ({"reset": None}, TypeError, "reset=None"),
        ({"reset": Backoff(0.0, 5.0)}, ValueError, "reset=Backoff"),
    ],
)
def test_bad_rules_are_refused_by_name_and_value(given: dict[str, object], error: type[Exception], names: str) -> None:
    with pytest.raises(error, match=names) as caught:
        BreakerRules(**given)  # type: ignore[arg-type]
    assert type(caught.value) is error
