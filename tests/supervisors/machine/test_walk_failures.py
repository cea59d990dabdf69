"""What makes a walk fail and what does not, how short it is then, and that its steps are told once."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

import pytest
from hypothesis import assume
from hypothesis import strategies as st

from actors.testing import InvariantError
from supervisors.machine import (
    Chart,
    InternalEvent,
    StateMachine,
    StateTimeout,
    UnhandledEventError,
    event_timeout,
    final,
    ignore,
    initial,
    on,
    on_enter,
    refuse,
    state,
    state_timeout,
    timeout,
)
from supervisors.machine.testing import Walk, walks
from tests.supervisors.machine.walked import steps_of, told, walked


class Lock(Enum):
    LOCKED = auto()
    OPEN = auto()


class Phase(Enum):
    ONE = auto()
    TWO = auto()
    OVER = auto()


@dataclass(frozen=True)
class Button:
    digit: int


class Go:
    pass


class Knock:
    pass


class Door(StateMachine[Lock, list[int]]):
    """Opens for the last digits pressed."""

    def __init__(self, code: list[int]) -> None:
        super().__init__([])
        self.code = code

    def is_right(self, event: Button) -> bool:
        return [*self.data, event.digit][-len(self.code) :] == self.code

    def press(self, event: Button) -> None:
        self.data.append(event.digit)

    chart = Chart(
        initial(Lock.LOCKED, on(Button, when=is_right, to=Lock.OPEN), on(Button, do=press), ignore(Knock)),
        state(Lock.OPEN, on(Button, to=Lock.LOCKED), refuse(Knock), state_timeout(10.0, to=Lock.LOCKED)),
    )


DIGITS = {Button: st.builds(Button, st.integers(0, 3))}


# -- how short -------------------------------------------------------------------------------------------------------------------------


def test_a_planted_bug_shrinks_to_the_least_events() -> None:
    def never_open(door: Door) -> bool:
        return door.state is not Lock.OPEN

    with pytest.raises(InvariantError) as caught:
        walked(walks(Door, [1, 2, 1], events=DIGITS, invariants=[never_open]), examples=2_000)
    assert steps_of(caught.value) == [
        "LOCKED: tell Button(digit=1) → LOCKED",
        "LOCKED: tell Button(digit=2) → LOCKED",
        "LOCKED: tell Button(digit=1) → OPEN",
    ]


class Broken(StateMachine[Lock, list[int]]):
    """Fails the second time: that a digit comes, that it is opened, or that its time is over."""

    def __init__(self, where: str) -> None:
        super().__init__([0])
        self.where = where

    def count(self, name: str) -> None:
        self.data[0] += self.where == name
        if self.data[0] == 2:
            raise LookupError(name)

    def press(self, event: Button) -> None:
        self.count("action")

    def enter(self) -> None:
        self.count("enter")

    def over(self, event: StateTimeout) -> None:
        self.count("timeout")

    chart = Chart(
        initial(Lock.LOCKED, on(Button, do=press), on(Go, to=Lock.OPEN)),
        state(Lock.OPEN, on_enter(enter), state_timeout(3.0, to=Lock.LOCKED, do=over), ignore(Button, Go)),
    )


@pytest.mark.parametrize(
    ("where", "steps"),
    [
        ("action", ["LOCKED: tell Button(digit=0)"] * 2),
        ("enter", ["LOCKED: tell Go()", "OPEN: 3 s pass", "LOCKED: tell Go()"]),
        ("timeout", ["LOCKED: tell Go()", "OPEN: 3 s pass"] * 2),
    ],
)
def test_a_crash_shrinks_to_the_least_steps_wherever_it_comes_from(where: str, steps: list[str]) -> None:
    with pytest.raises(LookupError, match=where) as caught:
        walked(walks(Broken, where), examples=300)
    assert [step.partition(" →")[0] for step in steps_of(caught.value)] == steps


def test_a_failed_assertion_in_an_action_is_told_with_its_steps() -> None:
    class Asserts(Door):
        def press(self, event: Button) -> None:
            super().press(event)
            assert len(self.data) < 2

    with pytest.raises(AssertionError) as caught:
        walked(walks(Asserts, [9], events=DIGITS))
    assert steps_of(caught.value) == [
        "LOCKED: tell Button(digit=0) → LOCKED",
        "LOCKED: tell Button(digit=0) → the end, AssertionError",
    ]


def test_a_failure_of_the_test_itself_shows_the_walk() -> None:
    def check(walk: Walk) -> None:
        assert Lock.OPEN not in walk.states

    with pytest.raises(AssertionError) as caught:
        walked(walks(Door, [1], events=DIGITS), check, examples=300)
    assert steps_of(caught.value) == ["LOCKED: tell Button(digit=1) → OPEN,"]  # among the arguments of the test
    assert "WalkStep(" not in told(caught.value)


def test_a_machine_that_cannot_be_made_or_begun_fails_as_what_was_raised() -> None:
    class Unmade(Door):
        def __init__(self) -> None:
            raise LookupError("unmade")

    class Unbegun(Door):
        def on_start(self) -> None:
            raise LookupError("unbegun")

    with pytest.raises(LookupError, match="unmade"):
        walked(walks(Unmade))
    with pytest.raises(LookupError, match="unbegun"):
        walked(walks(Unbegun, [1]))


def test_invariants_hold_at_the_beginning_and_at_the_end() -> None:
    class Ends(StateMachine[Phase, None]):
        chart = Chart(initial(Phase.ONE, on(Go, to=Phase.TWO)), state(Phase.TWO, on(Go, to=Phase.OVER)), final(Phase.OVER))

    with pytest.raises(InvariantError) as caught:
        walked(walks(Ends, invariants=[lambda machine: machine.state is Phase.TWO]))
    assert caught.value.step == 0
    with pytest.raises(InvariantError) as caught:
        walked(walks(Ends, invariants=[lambda machine: machine.state is not Phase.OVER], timeouts=False))
    assert steps_of(caught.value) == ["ONE: tell Go() → TWO", "TWO: tell Go() → the end"]


# -- what is refused ---------------------------------------------------------------------------------------------------------------------


def test_an_event_that_the_chart_refuses_if_no_guard_holds_is_no_failure() -> None:
    class Picky(StateMachine[Lock, None]):
        def is_small(self, event: Button) -> bool:
            return event.digit < 5

        chart = Chart(
            initial(Lock.LOCKED, on(Button, when=is_small, to=Lock.OPEN), refuse(Button)), state(Lock.OPEN, on(Button, to=Lock.LOCKED))
        )

    refused = 0
    for walk in walked(walks(Picky, timeouts=False)):
        for step in walk.steps:
            assert (step.error is not None) == (step.old is Lock.LOCKED and step.event.digit >= 5)
            refused += step.error is not None
    assert refused


def test_a_refusal_of_another_machine_is_a_failure() -> None:
    class Asks(StateMachine[Lock, None]):
        """Tells its asker what another machine told it."""

        def ask(self, event: Button) -> None:
            raise UnhandledEventError("Other", Lock.OPEN, Knock(), "it is another event")

        chart = Chart(
            initial(Lock.LOCKED, on(Button, when=lambda *_: True, do=ask), refuse(Button), on(Go, to=Lock.OPEN)),
            state(Lock.OPEN, on(Button, to=Lock.LOCKED), ignore(Go)),
        )

    with pytest.raises(UnhandledEventError, match="it is another event"):
        walked(walks(Asks))


def test_a_machine_that_gives_itself_what_it_refuses_fails() -> None:
    class Inner(InternalEvent):
        pass

    class Careless(StateMachine[Lock, None]):
        def careless(self, event: Go) -> None:
            self.insert(Inner())

        chart = Chart(
            initial(Lock.LOCKED, on(Go, to=Lock.OPEN), refuse(Inner)), state(Lock.OPEN, on(Go, to=Lock.LOCKED, do=careless), ignore(Inner))
        )

    with pytest.raises(UnhandledEventError, match=r"Inner.*refuse\(\)") as caught:
        walked(walks(Careless))
    assert len(steps_of(caught.value)) == 2


def test_an_assumption_in_a_strategy_is_no_failure() -> None:
    def even(digit: int) -> Button:
        assume(digit % 2 == 0)
        return Button(digit)

    found = walked(walks(Door, [1], events={Button: st.integers(0, 9).map(even)}, length=3))
    assert all(step.event.digit % 2 == 0 for walk in found for step in walk.steps if isinstance(step.event, Button))


# -- what is drawn -----------------------------------------------------------------------------------------------------------------------


def test_an_argument_that_is_a_strategy_is_drawn() -> None:
    codes: set[int] = set()
    walked(walks(Door, code=st.lists(st.integers(0, 3), min_size=1, max_size=1), invariants=[lambda door: codes.add(door.code[0])]))
    assert codes == {0, 1, 2, 3}


def test_walks_come_to_all_states_and_are_of_many_lengths() -> None:
    found = walked(walks(Door, [1, 2], events=DIGITS, length=12), examples=100)
    assert {one for walk in found for one in walk.states} == set(Lock)
    lengths = {len(walk.steps) for walk in found}
    assert max(lengths) == 12
    assert len(lengths) > 5


def test_timeouts_come_to_the_moment_whatever_their_fraction() -> None:
    class Thirds(StateMachine[Lock, None]):
        chart = Chart(initial(Lock.LOCKED, state_timeout(1 / 3, to=Lock.OPEN)), state(Lock.OPEN, state_timeout(0.1, to=Lock.LOCKED)))

    came = 0
    for walk in walked(walks(Thirds)):
        passed = 0.0
        for step in walk.steps:
            passed += step.seconds
            due = abs(passed - (1 / 3 if step.old is Lock.LOCKED else 0.1)) < 1e-12
            assert (step.new is not step.old) == due
            passed = 0.0 if due else passed
            came += due
    assert came


def test_named_and_event_timeouts_are_waited_for() -> None:
    class Waits(StateMachine[Phase, None]):
        def start(self, event: Go) -> None:  # a name that actors have, too
            self.start_timeout("over", 3.0)

        chart = Chart(
            initial(Phase.ONE, on(Go, do=start), event_timeout(5.0, to=Phase.TWO), timeout("over", to=Phase.OVER)),
            state(Phase.TWO, stays=True),
            final(Phase.OVER),
            ignore(Go),
            timeout("over"),
        )

    ways = {(step.seconds, step.new) for walk in walked(walks(Waits)) for step in walk.steps if step.old is Phase.ONE}
    assert {(5.0, Phase.TWO), (3.0, None)} <= ways


class Bare:
    def __init__(self, what) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001  # so that it cannot be made
        self.what = what


class TakesBare(StateMachine[Lock, None]):
    chart = Chart(initial(Lock.LOCKED, on(Bare, to=Lock.OPEN)), state(Lock.OPEN, on(Bare, to=Lock.LOCKED)))


def test_an_event_that_cannot_be_made_says_what_to_do() -> None:
    with pytest.raises(TypeError, match=r"Bare cannot be made .*events=\{Bare: st.builds\(Bare, ...\)\}"):
        walked(walks(TakesBare))


@pytest.mark.parametrize("made", [1, None, "Bare"])
def test_a_strategy_that_makes_something_else_is_told(made: Any) -> None:
    with pytest.raises(TypeError, match=r"events=\{Bare: ...\} made .*, which is no Bare"):
        walked(walks(TakesBare, events={Bare: st.just(made)}))
