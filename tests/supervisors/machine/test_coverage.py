"""Which transitions the walks of a test have taken: all words of a chart, from the moment a machine begins."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

import pytest
from hypothesis import strategies as st

from supervisors.machine import (
    Chart,
    InternalEvent,
    StateMachine,
    event_timeout,
    final,
    ignore,
    initial,
    on,
    on_done,
    postpone,
    refuse,
    state,
    state_timeout,
    timeout,
)
from supervisors.machine.testing import Coverage, Walk, walks
from tests.supervisors.machine.walked import walked


class S(Enum):
    ONE = auto()
    TWO = auto()
    THREE = auto()


class Go:
    pass


class Stay:
    pass


class Later:
    pass


class Never:
    pass


@dataclass(frozen=True)
class Number:
    value: int


class Inner(InternalEvent):
    pass


class All(StateMachine[S, None]):
    """Has every word of a chart."""

    def is_zero(self, event: Number) -> bool:
        return event.value == 0

    def choose(self, event: Number) -> None:
        self.goto(S.TWO if event.value == 1 else S.THREE)

    def more(self, event: object) -> None:
        self.insert(Inner())
        self.start_timeout("x", 2.0)

    chart = Chart(
        initial(
            S.ONE,
            on(Go, to=S.TWO),
            on(Stay, do=more),
            ignore(Inner),
            on(Number, when=is_zero),
            on(Number, to=(S.TWO, S.THREE), do=choose),
            postpone(Later),
            refuse(Never),
            timeout("x"),
            event_timeout(5.0),
        ),
        state(S.TWO, on(Go, to=S.THREE), state_timeout(3.0, to=S.ONE)),
        state(S.THREE, on(Go, to=S.ONE)),
        ignore(Stay, Number, Later, Never, Inner),
        timeout("x", to=S.THREE),
    )


NUMBERS = {Number: st.builds(Number, st.integers(0, 2))}
TIMED = ["ONE: timeout 'x'", "ONE: event_timeout", "TWO: state_timeout → ONE", "in any state: timeout 'x' → THREE"]


def missing(coverage: Coverage) -> list[str]:
    return sorted(str(edge) for edge in coverage.missing)


def test_all_that_a_chart_says_is_there_to_be_taken() -> None:
    assert missing(Coverage(All)) == sorted(
        [
            *TIMED,
            "ONE: on Go → TWO",
            "ONE: on Stay",
            "ONE: ignore Inner",
            "ONE: on Number [is_zero]",
            "ONE: on Number → TWO",
            "ONE: on Number → THREE",
            "ONE: postpone Later",
            "ONE: refuse Never",
            "TWO: on Go → THREE",
            "THREE: on Go → ONE",
            "in any state: ignore Stay",
            "in any state: ignore Number",
            "in any state: ignore Later",
            "in any state: ignore Never",
            "in any state: ignore Inner",
        ]
    )


def test_walks_take_all_that_can_be_taken_and_add_up() -> None:
    coverage = Coverage(All)
    never = "in any state: ignore Inner"  # only ONE inserts it, and handles it there
    walked(walks(All, events=NUMBERS, coverage=coverage, any_events=True, timeouts=False), examples=100)
    assert missing(coverage) == sorted([*TIMED, never])
    before = coverage.taken
    walked(walks(All, events=NUMBERS, coverage=coverage), examples=150)
    assert missing(coverage) == [never]
    assert all(coverage.taken[edge] >= count for edge, count in before.items())


def test_what_happens_as_a_machine_begins_counts() -> None:
    class Hurries(StateMachine[S, None]):
        chart = Chart(initial(S.ONE, state_timeout(0, to=S.TWO)), state(S.TWO, on(Go, to=S.THREE)), final(S.THREE), ignore(Go))

    coverage = Coverage(Hurries)
    walked(walks(Hurries, coverage=coverage), examples=20)
    assert "ONE: state_timeout → TWO" in map(str, coverage.taken)


def test_an_event_counts_for_the_class_that_the_machine_has_looked_at() -> None:
    class Base:
        pass

    class Sub(Base):
        pass

    class Key(Enum):
        LEFT = auto()
        RIGHT = auto()

    class Takes(StateMachine[S, None]):
        chart = Chart(
            initial(S.ONE, ignore(Base, Sub), ignore(Key, Key.LEFT), on(Go, to=S.TWO)),
            state(S.TWO, on(Go, to=S.THREE), ignore(Base, Key)),
            final(S.THREE),
        )

    coverage = Coverage(Takes)
    walked(walks(Takes, coverage=coverage))
    coverage.require()
    only = Coverage(Takes)
    walked(walks(Takes, events={Base: st.builds(Sub)}, coverage=only))
    assert missing(only) == ["ONE: ignore Base"]


def test_one_transition_that_stands_in_two_states_is_two() -> None:
    leave = on(Go, to=S.THREE)

    class Shares(StateMachine[S, None]):
        chart = Chart(state(S.ONE, initial(S.TWO, leave), leave), initial(S.THREE, on(Go, to=S.ONE)))

    coverage = Coverage(Shares)
    walked(walks(Shares, coverage=coverage))
    assert missing(coverage) == ["ONE: on Go → THREE"]  # nothing comes to it: TWO has its own


def test_a_state_that_is_done_counts() -> None:
    class Ends(StateMachine[S, None]):
        chart = Chart(initial(S.ONE, initial(S.TWO, on(Go, to=S.THREE)), final(S.THREE), on_done(to=S.TWO), ignore(Go)))

    coverage = Coverage(Ends)
    walked(walks(Ends, coverage=coverage))
    assert "ONE: on_done → TWO" in map(str, coverage.taken)


def test_a_transition_whose_action_raises_was_not_taken() -> None:
    class Fails(StateMachine[S, None]):
        def fail(self, event: Go) -> None:
            raise LookupError

        chart = Chart(initial(S.ONE, on(Go, to=S.TWO, do=fail)), state(S.TWO, on(Go, to=S.THREE)), final(S.THREE), on(Stay, to=S.THREE))

    coverage = Coverage(Fails)
    with pytest.raises(LookupError):
        walked(walks(Fails, coverage=coverage))
    assert "ONE: on Go → TWO" in missing(coverage)


def test_walks_are_the_same_with_and_without_it() -> None:
    def seen(coverage: Coverage | None) -> list[Walk]:
        return walked(walks(All, events=NUMBERS, coverage=coverage))

    plain, counted = seen(None), seen(Coverage(All))
    assert [walk.states for walk in plain] == [walk.states for walk in counted]
