"""Random walks through machines, coverage of their transitions, and how their states are reached."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from actors import Actor, ActorRef, Request
from actors.testing import InvariantError, Simulation
from supervisors.machine import (
    Chart,
    History,
    InternalEvent,
    StateMachine,
    final,
    history,
    ignore,
    initial,
    on,
    on_done,
    on_enter,
    postpone,
    refuse,
    state,
    state_timeout,
    timeout,
)
from supervisors.machine.testing import Coverage, Walk, reachability, walks

FEW = settings(max_examples=30, suppress_health_check=list(HealthCheck), deadline=None)
MANY = settings(max_examples=250, suppress_health_check=list(HealthCheck), deadline=None)


class Lock(Enum):
    LOCKED = auto()
    OPEN = auto()
    JAMMED = auto()
    GONE = auto()


@dataclass(frozen=True)
class Digit:
    number: int


class Push(Enum):
    SOFTLY = auto()
    HARD = auto()


class Kick:
    pass


class Count(Request[int]):
    pass


class Click(InternalEvent):
    pass


@dataclass
class Code:
    right: list[int]
    typed: list[int] = field(default_factory=list)
    clicks: int = 0


class Door(StateMachine[Lock, Code]):
    def __init__(self, right: list[int]) -> None:
        super().__init__(Code(right))

    def right(self, event: Digit) -> bool:
        return [*self.data.typed, event.number][-len(self.data.right) :] == self.data.right

    def remember(self, event: Digit) -> None:
        self.data.typed = [*self.data.typed, event.number][-len(self.data.right) :]

    def unlock(self, event: Digit) -> None:
        self.data.typed = []
        self.insert(Click())

    def click(self, event: Click) -> None:
        self.data.clicks += 1

    def push(self, event: Push) -> None:
        self.goto(Lock.JAMMED if event is Push.HARD else Lock.LOCKED)

    def count(self, event: Count) -> int:
        return self.data.clicks

    chart = Chart(
        initial(Lock.LOCKED, on(Digit, when=right, to=Lock.OPEN, do=unlock), on(Digit, do=remember), refuse(Push), ignore(Kick)),
        state(
            Lock.OPEN, on(Push, to=(Lock.JAMMED, Lock.LOCKED), do=push), postpone(Digit), state_timeout(10.0, to=Lock.LOCKED), ignore(Kick)
        ),
        state(Lock.JAMMED, on(Kick, to=Lock.GONE), ignore(Digit, Push)),
        final(Lock.GONE),
        on(Click, do=click),
        on(Count, do=count),
    )


DIGITS = {Digit: st.builds(Digit, st.integers(1, 2))}


@FEW
@given(walks(Door, [1, 2], events=DIGITS))
def test_the_least_test_is_a_walk(walk: Walk) -> None:
    assert len(walk.states) == len(walk.steps) + 1 - walk.ended
    for step, old in zip(walk.steps, walk.states, strict=False):
        assert step.old is old


def test_walks_take_every_transition_and_time_passes() -> None:
    coverage = Coverage(Door)
    ended: list[bool] = []

    @MANY
    @given(walks(Door, [1, 2], events=DIGITS, coverage=coverage, any_events=True))
    def run(walk: Walk) -> None:
        ended.append(walk.ended)

    run()
    assert coverage.missing == (), coverage.report()
    coverage.require()
    assert True in ended
    assert False in ended


def test_only_events_that_the_state_takes_are_drawn() -> None:
    sent: list[tuple[Lock, Any]] = []

    @FEW
    @given(walks(Door, [1], events=DIGITS, timeouts=False))
    def run(walk: Walk) -> None:
        assert all(step.event is not None for step in walk.steps)
        assert all(step.error is None for step in walk.steps)
        sent.extend((step.old, type(step.event)) for step in walk.steps)

    run()
    assert (Lock.LOCKED, Digit) in sent
    assert (Lock.LOCKED, Push) not in sent


def test_a_walk_with_any_events_asks_for_what_is_refused() -> None:
    refused: list[Any] = []

    @FEW
    @given(walks(Door, [1], events=DIGITS, any_events=True))
    def run(walk: Walk) -> None:
        refused.extend((step.old, type(step.event)) for step in walk.steps if step.error is not None)

    run()
    assert (Lock.LOCKED, Push) in refused
    assert any(kind.__name__ == "_Unknown" for _, kind in refused)


def failure(strategy: st.SearchStrategy[Walk]) -> BaseException:
    """Return what hypothesis finds to fail, made as short as it can."""

    @settings(
        max_examples=500, suppress_health_check=list(HealthCheck), deadline=None, database=None, phases=(Phase.generate, Phase.shrink)
    )
    @given(strategy)
    def run(walk: Walk) -> None:
        pass

    with pytest.raises(Exception, match=r".*") as caught:
        run()
    return caught.value


def story(error: BaseException) -> list[str]:
    lines = "\n".join([str(error), *getattr(error, "__notes__", ())]).splitlines()
    return [line.split(". ", 1)[1] for line in lines if line.startswith("  ") and ". " in line]


def test_an_invariant_that_does_not_hold_is_told_as_the_shortest_story() -> None:
    def never_open(door: Door) -> bool:
        return door.state is not Lock.OPEN

    error = failure(walks(Door, [1, 2], events=DIGITS, invariants=[never_open]))
    assert isinstance(error, InvariantError)
    assert error.name == "never_open"
    assert story(error) == ["LOCKED: tell Digit(number=1) → LOCKED", "LOCKED: tell Digit(number=2) → OPEN"]


def test_an_invariant_may_raise() -> None:
    def holds(door: Door) -> None:
        assert door.data.clicks < 2, "too many clicks"

    error = failure(walks(Door, [1], events={Digit: st.just(Digit(1))}, invariants=[holds]))
    assert "too many clicks" in str(error)
    assert len(story(error)) == 3  # open, close, open


def test_a_crash_fails_the_walk() -> None:
    class Fragile(Door):
        def push(self, event: Push) -> None:
            if event is Push.HARD:
                raise ZeroDivisionError
            super().push(event)

    error = failure(walks(Fragile, [1], events=DIGITS))
    assert isinstance(error, ZeroDivisionError)
    assert story(error)[-1].startswith("OPEN: tell Push.HARD → ")
    assert len(story(error)) == 2


def test_a_postponed_event_that_the_next_state_refuses_is_found() -> None:
    class Jams(Door):
        chart = Chart(
            initial(Lock.LOCKED, on(Digit, to=Lock.OPEN)),
            state(Lock.OPEN, on(Push, to=Lock.JAMMED), postpone(Digit)),
            state(Lock.JAMMED, on(Push, to=Lock.GONE), refuse(Digit)),
            final(Lock.GONE),
            ignore(Push),
        )

    error = failure(walks(Jams, [1], events=DIGITS))
    assert "does not take Digit(number=1): refuse()" in str(error)
    assert len(story(error)) == 3


class Fussy(StateMachine[Lock, str]):
    """Fails in the way that its data says."""

    def kick(self, event: Kick) -> None:
        if self.data == "action":
            raise ZeroDivisionError

    def count(self, event: Count) -> int:
        handle = self.reply_later()
        if self.data == "reply":
            handle.fail(ZeroDivisionError())
        else:
            handle.reply(1)
        return 0

    def entered(self) -> None:
        if self.data == "enter":
            raise ZeroDivisionError

    def digit(self, event: Digit) -> None:
        if self.data == "later":
            raise ZeroDivisionError

    chart = Chart(
        initial(Lock.LOCKED, on(Kick, to=Lock.OPEN, do=kick), postpone(Digit), refuse(Push)),
        state(Lock.OPEN, on_enter(entered), on(Kick, to=Lock.LOCKED), on(Digit, to=Lock.GONE, do=digit), on(Push, to=Lock.JAMMED)),
        final(Lock.JAMMED),
        state(Lock.GONE, on(Kick, to=Lock.LOCKED), ignore(Digit, Push)),
        on(Count, do=count),
    )


@pytest.mark.parametrize(
    ("way", "told"),
    [
        ("action", ["LOCKED: tell Kick() → the end, ZeroDivisionError"]),
        ("reply", ["LOCKED: ask Count() → LOCKED, ZeroDivisionError to the asker"]),
        ("enter", ["LOCKED: tell Kick() → the end, ZeroDivisionError"]),
        ("later", ["LOCKED: tell Digit(number=1) → LOCKED", "LOCKED: tell Kick() → the end, ZeroDivisionError"]),
    ],
)
def test_what_a_machine_crashes_with_or_tells_an_asker_fails_the_walk(way: str, told: list[str]) -> None:
    error = failure(walks(Fussy, way, events=DIGITS))
    assert isinstance(error, ZeroDivisionError)
    assert story(error)[: len(told)] == told
    assert "walks(Fussy)" in "\n".join(error.__notes__)


def walked(strategy: st.SearchStrategy[Walk]) -> list[Walk]:
    """Return walks, none of which fails."""
    found: list[Walk] = []

    @settings(FEW, max_examples=100)
    @given(strategy)
    def run(walk: Walk) -> None:
        found.append(walk)

    run()
    return found


@pytest.mark.parametrize("way", ["action", "reply", "enter", "later"])
def test_what_is_expected_is_an_answer_and_without_an_asker_the_end(way: str) -> None:
    def opens(machine: Fussy) -> bool:  # not looked at once it has crashed
        return way != "enter" or machine.state is Lock.LOCKED

    found = walked(walks(Fussy, way, events=DIGITS, expected=ZeroDivisionError, invariants=[opens]))
    failed = [step for walk in found for step in walk.steps if step.error is not None]
    assert {type(step.error) for step in failed} == {ZeroDivisionError}
    assert {step.new is None for step in failed if not step.asked} == ({True} if way != "reply" else set())
    assert {step.new is None for step in failed if step.asked} >= ({False} if way in ("action", "reply") else set())


def test_a_failure_that_an_asker_is_told_of_later_is_found() -> None:
    class Slow(Fussy):
        def count(self, event: Count) -> int:
            self.late = self.reply_later()
            return 0

        def kick(self, event: Kick) -> None:
            if hasattr(self, "late"):
                self.late.fail(ZeroDivisionError())

    error = failure(walks(Slow, "", events=DIGITS))
    assert isinstance(error, ZeroDivisionError)
    assert story(error)[:2] == ["LOCKED: ask Count() → LOCKED", "LOCKED: tell Kick() → OPEN"]


def test_a_request_is_asked_and_one_without_an_answer_at_the_end_is_no_failure() -> None:
    class Silent(Fussy):
        def count(self, event: Count) -> int:
            self.late = self.reply_later()
            return 0

    steps = [step for walk in walked(walks(Silent, "", events=DIGITS)) for step in walk.steps]
    assert {step.asked for step in steps if isinstance(step.event, Count)} == {True}
    assert {step.asked for step in steps if isinstance(step.event, Kick)} == {True, False}
    assert any(step.new is None for step in steps)


def test_the_arguments_of_a_machine_are_its_own_in_each_walk() -> None:
    right = [1]

    class Greedy(Door):
        def unlock(self, event: Digit) -> None:
            self.data.right.append(9)

    @FEW
    @given(walks(Greedy, right, events=DIGITS))
    def run(walk: Walk) -> None:
        pass

    run()
    assert right == [1]


class Keeper(Actor):
    """Counts what it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def on_receive(self, message: object) -> int:
        self.count += message is None
        return self.count


@dataclass(frozen=True)
class Tell:
    to: ActorRef[Keeper]


class Telling(StateMachine[Lock, int]):
    """Tells an actor that it is given of each kick, and one that comes with an event of that."""

    def __init__(self, keeper: ActorRef[Keeper], data: int) -> None:
        super().__init__(data)
        self.keeper = keeper
        self.first = data

    def kick(self, event: Kick) -> None:
        self.data += 1
        self.keeper.tell(None)

    def pass_on(self, event: Tell) -> None:
        assert event.to.ask(None) == 1

    chart = Chart(
        initial(Lock.LOCKED, on(Kick, do=kick), on(Tell, do=pass_on), on(Push, to=Lock.OPEN)),
        state(Lock.OPEN, on(Push, to=Lock.JAMMED)),
        state(Lock.JAMMED, on(Push, to=Lock.GONE)),
        final(Lock.GONE),
        ignore(Kick, Tell),
    )


def test_arguments_and_events_may_be_drawn_and_hold_actors_of_the_simulation() -> None:
    def is_told(machine: Telling) -> None:
        assert machine.keeper.is_alive()
        firsts.add(machine.first)

    firsts: set[int] = set()
    events = {Tell: st.builds(Tell, st.builds(Keeper.start))}
    found = walked(walks(Telling, st.builds(Keeper.start), data=st.integers(5, 7), events=events, invariants=[is_told]))
    assert firsts == {5, 6, 7}
    assert any(isinstance(step.event, Tell) and step.old is Lock.LOCKED for walk in found for step in walk.steps)


def test_async_machines_walk_as_well() -> None:
    class Waits(Door):
        async def unlock(self, event: Digit) -> None:  # type: ignore[override]
            await asyncio.sleep(0)
            super().unlock(event)

    seen: set[Lock] = set()

    @FEW
    @given(walks(Waits, [1], events=DIGITS))
    def run(walk: Walk) -> None:
        seen.update(walk.states)

    run()
    assert Lock.OPEN in seen


def test_an_action_that_waits_is_over_when_its_step_is() -> None:
    class Sleeps(Door):
        async def unlock(self, event: Digit) -> None:  # type: ignore[override]
            await asyncio.sleep(3)
            super().unlock(event)

    steps = [step for walk in walked(walks(Sleeps, [1], events={Digit: st.just(Digit(1))}, timeouts=False)) for step in walk.steps]
    assert {step.new for step in steps if isinstance(step.event, Digit) and step.old is Lock.LOCKED} == {Lock.OPEN}


def test_events_without_a_text_are_told_by_what_they_hold() -> None:
    class Named:
        def __init__(self) -> None:
            self.name = "it"

    class Takes(StateMachine[Lock, None]):
        chart = Chart(
            initial(Lock.LOCKED, on(Named, to=Lock.OPEN)),
            state(Lock.OPEN, on(Named, to=Lock.JAMMED)),
            state(Lock.JAMMED, on(Named, to=Lock.GONE)),
            final(Lock.GONE),
        )

    error = failure(walks(Takes, invariants=[lambda machine: machine.state is Lock.LOCKED]))
    assert story(error) == ["LOCKED: tell Named(name='it') → OPEN"]


def test_a_walk_reads_as_a_story() -> None:
    found: list[str] = []

    @FEW
    @given(walks(Door, [1], events={Digit: st.just(Digit(1))}))
    def run(walk: Walk) -> None:
        found.append(repr(walk))

    run()
    assert any("LOCKED: tell Digit(number=1) → OPEN" in text for text in found)
    assert any("OPEN: 10 s pass → LOCKED" in text for text in found)


async def nobody_waits(door: Door) -> bool:
    return True


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"length": 0}, ValueError, "length=0"),
        ({"length": True}, ValueError, "length=True"),
        ({"events": {Digit: Digit(1)}}, TypeError, r"events=\{Digit: Digit\(number=1\)\}"),
        ({"any_events": 1}, TypeError, "any_events=1"),
        ({"timeouts": "no"}, TypeError, "timeouts='no'"),
        ({"invariants": [3]}, TypeError, "invariants=3"),
        ({"invariants": [nobody_waits]}, TypeError, "nobody would await it"),
        ({"expected": "all"}, TypeError, "expected='all'"),
        ({"expected": (int,)}, TypeError, "expected=<class 'int'>"),
        ({"coverage": True}, TypeError, "coverage=True"),
        ({"coverage": Coverage(Fussy)}, TypeError, r"Coverage\(Door\)"),
        ({"events": {Click: st.builds(Click)}}, TypeError, r"the chart knows Count, Digit, Push\.SOFTLY, Push\.HARD, Kick"),
    ],
)
def test_bad_options_of_a_walk_are_refused(options: dict[str, Any], error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        walks(Door, [1], **options)


@pytest.mark.parametrize("what", [walks, Coverage, reachability])
@pytest.mark.parametrize("machine", [int, StateMachine, "Door", None])
def test_tools_are_for_machines_with_a_chart(what: Any, machine: Any) -> None:
    with pytest.raises(TypeError, match="machine_class="):
        what(machine)


def test_machines_need_no_hypothesis_but_walks_do() -> None:
    program = """
import sys
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "hypothesis":
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Finder())
import importlib.util
find = importlib.util.find_spec
importlib.util.find_spec = lambda name, *rest: None if name == "hypothesis" else find(name, *rest)
from supervisors.machine.testing import Coverage, reachability
try:
    from supervisors.machine.testing import walks
except ImportError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "walks needs hypothesis: pip install hypothesis\n"


# -- coverage ----------------------------------------------------------------------------------------------------------------------------


def covered(*events: Any) -> Coverage:
    coverage = Coverage(Door)
    with Simulation() as sim:
        door = sim.spawn(Door, [1])
        coverage.watch(sim.instance(door))
        for event in events:
            door.ask(event, block=False)
            sim.advance(0)
    return coverage


def test_coverage_counts_transitions_whatever_becomes_of_the_event() -> None:
    coverage = covered(Digit(2), Digit(2), Kick(), Push.HARD, Digit(1), Digit(1), Push.SOFTLY, Count())
    counts = {str(edge): count for edge, count in coverage.taken.items()}
    assert counts == {
        "LOCKED: on Digit [right] → OPEN": 2,  # the postponed one, too
        "LOCKED: on Digit": 2,
        "LOCKED: refuse Push": 1,
        "LOCKED: ignore Kick": 1,
        "OPEN: on Push → LOCKED": 1,
        "OPEN: postpone Digit": 1,
        "in any state: on Click": 2,
        "in any state: on Count": 1,
    }
    assert 0 < coverage.ratio < 1


def test_a_coverage_report_names_the_lines_of_what_was_never_taken() -> None:
    coverage = covered(Digit(1))
    report = coverage.report().splitlines()
    assert report[0] == f"Door: 2 of {len(coverage.missing) + 2} transitions taken ({coverage.ratio:.0%})"
    (line,) = (line for line in report if "JAMMED: on Kick → GONE" in line)
    assert f"never  {__file__}:" in line
    with pytest.raises(AssertionError, match="JAMMED: on Kick"):
        coverage.require()
    coverage.require(coverage.ratio)


@pytest.mark.parametrize("ratio", [-0.1, 1.1, True, "all", float("nan")])
def test_a_bad_ratio_is_refused(ratio: Any) -> None:
    with pytest.raises(ValueError, match="ratio="):
        Coverage(Door).require(ratio)


def test_coverage_watches_machines_of_its_class() -> None:
    class Other(StateMachine[Lock, None]):
        chart = Chart(
            initial(Lock.LOCKED, on(Kick, to=Lock.OPEN)),
            state(Lock.OPEN, on(Kick, to=Lock.JAMMED)),
            state(Lock.JAMMED, on(Kick, to=Lock.GONE)),
            final(Lock.GONE),
        )

    with Simulation() as sim, pytest.raises(TypeError, match="an instance of Door"):
        Coverage(Door).watch(sim.instance(sim.spawn(Other)))


def test_history_and_named_timeouts_are_covered() -> None:
    class Place(Enum):
        OUT = auto()
        IN = auto()
        ONE = auto()
        TWO = auto()

    class Back(StateMachine[Place, None]):
        chart = Chart(
            initial(Place.OUT, on(Kick, to=history(Place.IN)), on(Count, do=lambda machine, event: 1)),
            state(
                Place.IN,
                initial(Place.ONE, on(Count, to=Place.TWO, do=lambda machine, event: machine.start_timeout("late", 5))),
                state(Place.TWO, on(Count, do=lambda machine, event: 2)),
                on(Kick, to=Place.OUT),
            ),
            timeout("late", to=Place.OUT),
        )

    coverage = Coverage(Back)
    with Simulation() as sim:
        back = sim.spawn(Back)
        coverage.watch(sim.instance(back))
        for event in (Count(), Kick(), Count(), Count()):
            back.tell(event)
        sim.advance(5)
        back.tell(Kick())
        back.tell(Kick())
        sim.advance(0)
    assert coverage.missing == (), coverage.report()
    assert {str(edge): count for edge, count in coverage.taken.items()}["OUT: on Kick → history of IN"] == 2


class Chooses(StateMachine[Lock, Lock | History[Lock] | None]):
    """Goes where its data says."""

    def choose(self, event: Kick) -> None:
        if self.data is not None:
            self.goto(self.data)

    chart = Chart(
        initial(Lock.LOCKED, on(Kick, to=(Lock.LOCKED, Lock.OPEN, Lock.JAMMED, history(Lock.OPEN)), do=choose)),
        state(Lock.OPEN, initial(Lock.JAMMED, on(Kick, to=Lock.GONE))),
        final(Lock.GONE),
    )


@pytest.mark.parametrize(
    ("target", "taken"),
    [
        (Lock.LOCKED, "LOCKED: on Kick → LOCKED"),
        (Lock.OPEN, "LOCKED: on Kick → OPEN"),
        (Lock.JAMMED, "LOCKED: on Kick → JAMMED"),  # the same place; but declared, and chosen, for itself
        (history(Lock.OPEN), "LOCKED: on Kick → history of OPEN"),
        (None, None),
    ],
)
def test_of_several_targets_the_one_is_covered_that_the_action_has_chosen(target: Any, taken: str | None) -> None:
    coverage = Coverage(Chooses)
    with Simulation() as sim:
        machine = sim.spawn(Chooses, target)
        coverage.watch(sim.instance(machine))
        machine.tell(Kick())
        sim.run()
    assert [str(edge) for edge in coverage.taken] == ([] if taken is None else [taken])


def test_two_may_count_what_one_machine_does() -> None:
    one, two = Coverage(Door), Coverage(Door)
    with Simulation() as sim:
        door = sim.spawn(Door, [1])
        one.watch(sim.instance(door))
        door.tell(Kick())
        sim.advance(0)
        two.watch(sim.instance(door))
        door.tell(Kick())
        sim.advance(0)
    assert (sum(one.taken.values()), sum(two.taken.values())) == (2, 1)


# -- reachability ------------------------------------------------------------------------------------------------------------------------


def test_reachability_gives_the_shortest_way_to_each_state() -> None:
    found = reachability(Door)
    ways = {state: [str(edge) for edge in path] for state, path in found.paths.items()}
    assert ways == {
        Lock.LOCKED: [],
        Lock.OPEN: ["LOCKED: on Digit [right] → OPEN"],
        Lock.JAMMED: ["LOCKED: on Digit [right] → OPEN", "OPEN: on Push → JAMMED"],
        Lock.GONE: ["LOCKED: on Digit [right] → OPEN", "OPEN: on Push → JAMMED", "JAMMED: on Kick → GONE"],
    }
    assert found.ends == {Lock.LOCKED: 3, Lock.OPEN: 2, Lock.JAMMED: 1, Lock.GONE: 0}


def test_a_reachability_report_reads_well() -> None:
    report = str(reachability(Door)).splitlines()
    assert report[0] == "Door: 4 states"
    assert report[1] == "  LOCKED: where it begins, 3 from an end"
    assert any(line.startswith("      OPEN: on Push → JAMMED, if its action says so  (") for line in report)


def test_states_without_a_way_to_an_end_are_named() -> None:
    class Half(StateMachine[Lock, None]):
        chart = Chart(
            initial(Lock.LOCKED, on(Kick, to=Lock.GONE), state_timeout(1, to=Lock.OPEN)),
            state(Lock.OPEN, on(Kick, to=Lock.JAMMED)),
            state(Lock.JAMMED, on(Kick, to=Lock.OPEN)),
            final(Lock.GONE),
        )

    report = str(reachability(Half))
    assert "no way to an end from: OPEN, JAMMED" in report
    assert "LOCKED: state_timeout → OPEN, when time has passed" in report


def test_a_way_past_a_final_state_leads_through_it() -> None:
    class Inside(StateMachine[Lock, None]):
        chart = Chart(
            initial(Lock.LOCKED, initial(Lock.OPEN, on(Kick, to=Lock.JAMMED)), final(Lock.JAMMED), on_done(to=Lock.GONE)),
            final(Lock.GONE),
        )

    found = reachability(Inside)
    assert [str(edge) for edge in found.paths[Lock.GONE]] == ["OPEN: on Kick → JAMMED", "LOCKED: on_done → GONE"]
    assert found.ends == {Lock.OPEN: 2, Lock.JAMMED: 1, Lock.GONE: 0}


def test_a_way_does_not_lead_over_a_transition_that_comes_behind_another() -> None:
    class Behind(StateMachine[Lock, None]):
        chart = Chart(
            on(Kick, to=Lock.JAMMED),
            initial(Lock.LOCKED, on(Kick, to=Lock.OPEN)),
            state(Lock.OPEN, ignore(Click)),
            state(Lock.JAMMED, on(Kick, to=Lock.GONE)),
            final(Lock.GONE),
            ignore(Click),
        )

    assert [str(edge) for edge in reachability(Behind).paths[Lock.JAMMED]] == ["LOCKED: on Kick → OPEN", "in any state: on Kick → JAMMED"]
