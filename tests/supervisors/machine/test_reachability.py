"""How each state of a machine is reached: what needs a guard, an action or a timeout for it."""

from __future__ import annotations

from enum import Enum, auto
from pathlib import Path

from supervisors.machine import (
    Chart,
    InternalEvent,
    StateMachine,
    final,
    history,
    ignore,
    initial,
    on,
    on_done,
    state,
    state_timeout,
    timeout,
)
from supervisors.machine.testing import Reachability, reachability


class S(Enum):
    A = auto()
    B = auto()
    C = auto()
    D = auto()


class Go:
    pass


class Jump:
    pass


class Key(Enum):
    LEFT = auto()
    RIGHT = auto()


class Inner(InternalEvent):
    pass


def holds(machine: object, event: object) -> bool:
    return True


def way(found: Reachability, to: Enum) -> list[str]:
    return [str(edge) for edge in found.paths[to]]


def test_the_way_to_each_state_is_the_shortest() -> None:
    class Line(StateMachine[S, None]):
        chart = Chart(
            initial(S.A, on(Go, to=S.B), on(Jump, to=S.C)),
            state(S.B, on(Go, to=S.C), on(Jump, to=S.A)),
            state(S.C, on(Go, to=S.D), on(Jump, to=S.A)),
            final(S.D),
        )

    found = reachability(Line)
    assert way(found, S.A) == []
    assert way(found, S.C) == ["A: on Jump → C"]
    assert way(found, S.D) == ["A: on Jump → C", "C: on Go → D"]
    assert not found.conditional
    assert not found.timed
    assert "only" not in str(found)


def test_states_behind_guards_choices_and_inserted_events_are_marked() -> None:
    class Perhaps(StateMachine[S, None]):
        def choose(self, event: object) -> None:
            pass

        chart = Chart(
            initial(S.A, on(Go, when=holds, to=S.B), on(Go), on(Jump, to=(S.C,), do=choose), on(Inner, to=S.D)),
            state(S.B, on(Go, to=S.A)),
            state(S.C, on(Go, to=S.A)),
            state(S.D, on(Go, to=S.A)),
            ignore(Jump, Inner),
        )

    found = reachability(Perhaps)
    assert found.conditional == {S.B, S.C, S.D}
    assert not found.timed
    assert "  D: 1 transition from the beginning, only if a guard or an action has it so" in str(found).splitlines()


def test_a_state_that_is_reached_if_no_guard_holds_is_marked_too() -> None:
    class Otherwise(StateMachine[S, None]):
        chart = Chart(
            initial(S.A, on(Go, when=holds, to=S.B), on(Go, to=S.C)), state(S.B, on(Go, to=S.D)), state(S.C, on(Go, to=S.D)), final(S.D)
        )

    assert reachability(Otherwise).conditional == {S.B, S.C, S.D}


def test_a_longer_way_without_a_guard_takes_the_mark_away() -> None:
    class Both(StateMachine[S, None]):
        chart = Chart(
            initial(S.A, on(Jump, when=holds, to=S.D), on(Jump), on(Go, to=S.B)),
            state(S.B, on(Go, to=S.C)),
            state(S.C, on(Go, to=S.D)),
            final(S.D),
            ignore(Jump),
        )

    found = reachability(Both)
    assert way(found, S.D) == ["A: on Jump [holds] → D"]
    assert not found.conditional


def test_states_behind_timeouts_are_marked() -> None:
    class Waits(StateMachine[S, None]):
        chart = Chart(
            initial(S.A, state_timeout(1.0, to=S.B), timeout("x", to=S.C)),
            state(S.B, on(Go, to=S.D)),
            state(S.C, on(Go, when=holds, to=S.D), on(Go)),
            final(S.D),
            ignore(Go),
            timeout("x"),
        )

    found = reachability(Waits)
    assert found.timed == {S.B, S.C, S.D}
    assert not found.conditional
    assert "  D: 2 transitions from the beginning, only when time has passed" in str(found).splitlines()


def test_a_state_may_need_both() -> None:
    class Waits(StateMachine[S, None]):
        chart = Chart(
            initial(S.A, state_timeout(1.0, when=holds, to=S.B), state_timeout(None)),
            state(S.B, on(Go, to=S.C)),
            state(S.C, on(Go, to=S.D)),
            final(S.D),
            ignore(Go),
        )

    line = "  B: 1 transition from the beginning, only if a guard or an action has it so and when time has passed, 2 from an end"
    assert line in str(reachability(Waits)).splitlines()


def test_that_a_state_is_done_needs_nothing_else() -> None:
    class Ends(StateMachine[S, None]):
        chart = Chart(state(S.D), initial(S.A, initial(S.B, on(Go, to=S.C)), final(S.C), on_done(to=S.D)), on(Go, to=S.A))

    found = reachability(Ends)
    assert way(found, S.D) == ["B: on Go → C", "A: on_done → D"]
    assert not found.conditional


def test_the_members_of_an_enum_are_events_one_by_one() -> None:
    class Keys(StateMachine[S, None]):
        chart = Chart(
            initial(S.A, on(Key.RIGHT, when=holds, to=S.B), on(Key, to=S.C)),
            state(S.B, on(Key, to=S.D)),
            state(S.C, on(Key, to=S.D)),
            state(S.D, on(Key, to=S.A)),
        )

    assert reachability(Keys).conditional == {S.B}  # the other member always leads to C

    class Guarded(StateMachine[S, None]):
        chart = Chart(
            initial(S.A, on(Key.LEFT, when=holds, to=S.B), on(Key.RIGHT, when=holds, to=S.B), on(Key, to=S.C)),
            state(S.B, on(Key, to=S.D)),
            state(S.C, on(Key, to=S.D)),
            state(S.D, on(Key, to=S.A)),
        )

    assert reachability(Guarded).conditional == {S.B, S.C, S.D}


def test_a_history_leads_to_where_the_state_begins() -> None:
    class Back(StateMachine[S, None]):
        chart = Chart(
            initial(S.A, on(Go, to=history(S.B))),
            state(S.B, initial(S.C, on(Go, to=S.D)), state(S.D), on(Jump, to=S.A), ignore(Go)),
            ignore(Jump),
        )

    assert way(reachability(Back), S.C) == ["A: on Go → history of B"]


def test_a_transition_that_stands_in_two_states_is_told_where_it_is_taken() -> None:
    leave = on(Go, to=S.C)

    class Shares(StateMachine[S, None]):
        chart = Chart(state(S.D, leave), initial(S.A, leave), state(S.C, on(Go, to=S.B)), state(S.B, on(Go, to=S.D)))

    assert way(reachability(Shares), S.C) == ["A: on Go → C"]


def test_the_report_names_the_lines() -> None:
    class Report(StateMachine[S, None]):
        chart = Chart(
            initial(S.A, on(Go, when=holds, to=S.B), on(Go)),
            state(S.B, state_timeout(2.0, to=S.C), ignore(Go)),
            state(S.C, on(Go, to=S.D)),
            final(S.D),
        )

    found = reachability(Report)
    source = Path(__file__).read_text(encoding="utf-8").splitlines()
    texts = ("on(Go, when=holds, to=S.B)", "state_timeout(2.0, to=S.C)", "on(Go, to=S.D)")
    for edge, text in zip(found.paths[S.D], texts, strict=True):
        assert f"({edge.where})" in str(found)
        assert text in source[int(edge.where.rpartition(":")[2]) - 1]
