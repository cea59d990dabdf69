"""What is wrong with a chart is told when the class is made, with the line to change."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from enum import Enum, auto
from typing import Any

import pytest

from actors import ReplyHandle, Request, handler
from supervisors.machine import (
    Chart,
    InternalEvent,
    MachineDeclarationError,
    NamedTimeout,
    StateMachine,
    StateTimeout,
    event_timeout,
    final,
    history,
    ignore,
    initial,
    on,
    on_done,
    on_enter,
    on_exit,
    postpone,
    refuse,
    state,
    state_timeout,
    timeout,
)


class P(Enum):
    A = auto()
    B = auto()


class Q(Enum):
    A = auto()
    B = auto()
    C = auto()
    D = auto()


class Other(Enum):
    X = auto()


class Go:
    pass


class Sub(Go):
    pass


class Key(Enum):
    UP = auto()
    DOWN = auto()


class Get(Request[int]):
    pass


def act(machine: Any, event: Any) -> None:
    pass


def maybe(machine: Any, event: Any) -> bool:
    return True


def problems(chart: Chart[Any], **members: Any) -> list[tuple[str, str]]:
    """Return what is wrong: the text of the line, and what is said about it."""
    with pytest.raises(MachineDeclarationError) as caught:
        make(chart, **members)
    found = []
    for problem in caught.value.problems:
        file, _, line = problem.where.rpartition(":")
        assert file == __file__
        found.append((inspect.getsource(inspect.getmodule(problems)).splitlines()[int(line) - 1].strip(), problem.what))  # type: ignore[arg-type]
        assert problem.what in str(caught.value)
        assert problem.where in str(caught.value)
    assert caught.value.machine == "Made"
    return found


def make(chart: Any, **members: Any) -> type[StateMachine[Any, Any]]:
    namespace = {"chart": chart, "__module__": __name__, "__qualname__": "Made", **members}
    return type(StateMachine)("Made", (StateMachine,), namespace)  # type: ignore[return-value]


def only(chart: Chart[Any], line: str, what: str) -> None:
    """There is one problem, in this line."""
    ((found, said),) = problems(chart)
    assert line in found
    assert re.search(what, said), said


# -- states ------------------------------------------------------------------------------------------------------------------------------


def test_a_chart_that_is_right_is_taken() -> None:
    make(Chart(initial(P.A, on(Go, to=P.B)), state(P.B, on(Go, to=P.A))))


def test_unreachable_states_are_named() -> None:
    only(
        Chart(
            initial(P.A, on(Go, do=act), stays=True),
            state(P.B, on(Go, to=P.A)),  # nothing leads here
        ),
        "nothing leads here",
        r"P\.B is never reached",
    )


def test_a_state_that_is_reached_from_unreachable_ones_only_is_named() -> None:
    found = problems(
        Chart(
            initial(Q.A, on(Go, to=Q.B)),
            state(Q.B, on(Go, to=Q.A)),
            state(Q.C, on(Go, to=Q.D)),
            state(Q.D, on(Go, to=Q.C)),
        )
    )
    assert [what.split(":")[0] for _, what in found] == ["Q.C is never reached", "Q.D is never reached"]


def test_a_state_to_which_only_transitions_lead_that_come_behind_others_is_unreachable() -> None:
    only(
        Chart(
            on(Go, to=Q.D),
            initial(Q.A, on(Go, to=Q.B)),
            state(Q.B, on(Go, to=Q.C)),
            state(Q.C, on(Go, to=Q.A)),
            state(Q.D, on(Go, to=Q.A)),  # the others never ask the chart
        ),
        "the others never ask",
        r"Q\.D is never reached: no transition leads there, or others come first",
    )


def test_the_way_on_from_a_final_state_inside_is_none_for_the_states_beside_it() -> None:
    found = problems(
        Chart(
            initial(Q.A, initial(Q.B, on(Go, do=act)), final(Q.C), on_done(to=Q.D)),
            final(Q.D),
        )
    )
    whats = [what.split(":")[0] for _, what in found]
    assert whats == ["Q.C is never reached", "Q.D is never reached", "no way leads out of Q.B"]


def test_a_way_out_that_comes_behind_another_transition_is_none() -> None:
    only(
        Chart(
            on(Go, to=P.A),
            initial(P.A, on(Go, to=P.B)),
            state(P.B, ignore(Go)),  # asks nobody else
        ),
        "asks nobody else",
        r"no way leads out of P\.B",
    )


def test_of_unreachable_states_with_states_inside_the_outermost_is_named() -> None:
    only(
        Chart(
            initial(Q.A, on(Go, to=Q.D)),
            state(
                Q.B,
                initial(Q.C, on(Go, to=Q.A)),
            ),
            state(Q.D, on(Go, to=Q.A)),
        ),
        "state(",
        r"Q\.B is never reached",
    )


def test_unknown_targets_are_named() -> None:
    only(
        Chart(
            initial(P.A, on(Go, to=P.B)),
            state(
                P.B,
                on(Go, to=Other.X),  # no such state
            ),
        ),
        "no such state",
        r"on\(Go, to=Other\.X\): that state is not in the chart",
    )


def test_members_that_are_not_in_the_chart_are_named() -> None:
    only(Chart(initial(P.A, on(Go, do=act), stays=True)), "only(Chart", r"P\.B is a member of P, but not in the chart: add state\(P\.B")


def test_states_of_several_enums_are_refused() -> None:
    found = problems(
        Chart(
            initial(P.A, on(Go, to=P.B)),
            state(P.B, on(Go, to=Other.X)),
            state(Other.X, on(Go, to=P.A)),  # of another
        )
    )
    assert found == [
        ("state(Other.X, on(Go, to=P.A)),  # of another", "Other.X is not a member of P: the states of a machine are members of one Enum")
    ]


def test_a_state_that_is_declared_twice_is_named() -> None:
    only(
        Chart(
            initial(P.A, on(Go, to=P.B)),
            state(P.B, on(Go, to=P.A)),
            state(P.A, on(Go, to=P.B)),  # again
        ),
        "again",
        r"P\.A is in the chart twice",
    )


def test_where_a_machine_begins_is_said_once() -> None:
    only(Chart(state(P.A, on(Go, to=P.B)), state(P.B, on(Go, to=P.A))), "only(Chart", "none of them is initial")
    only(
        Chart(
            initial(P.A, on(Go, to=P.B)),
            initial(P.B, on(Go, to=P.A)),  # the second
        ),
        "the second",
        r"P\.B and P\.A are both initial\(\)",
    )
    only(
        Chart(
            initial(Q.A, on(Go, to=Q.B)),
            state(Q.B, state(Q.C), state(Q.D), on(Go, to=Q.A)),  # where inside?
        ),
        "where inside?",
        r"Q\.B has states inside, but none of them is initial\(\)",
    )
    only(Chart(), "only(Chart", "it has no states")


def test_states_without_a_way_out_that_are_not_final_are_named() -> None:
    only(
        Chart(
            initial(P.A, on(Go, to=P.B)),
            state(P.B, ignore(Go)),  # for ever
        ),
        "for ever",
        r"no way leads out of P\.B: .* final\(P\.B\), or say stays=True",
    )
    make(Chart(initial(P.A, on(Go, to=P.B)), state(P.B, ignore(Go), stays=True)))
    make(Chart(initial(P.A, on(Go, to=P.B)), final(P.B)))


def test_a_transition_out_of_a_final_state_is_refused() -> None:
    only(
        Chart(
            initial(P.A, on(Go, to=P.B)),
            final(
                P.B,
                on(Go, to=P.A),  # type: ignore[arg-type]
            ),
        ),
        "on(Go, to=P.A)",
        r"on\(Go\) in the final state P\.B: a final state takes no events",
    )


def test_a_final_state_is_not_left_and_not_the_beginning() -> None:
    only(
        Chart(
            initial(P.A, on(Go, to=P.B)),
            final(
                P.B,
                on_exit(lambda machine: None),  # when?
            ),
        ),
        "when?",
        "a final state is not left",
    )
    found = problems(Chart(state(P.A, initial(P.B), on(Go, to=P.A))))
    assert "none of them is initial" in found[0][1]


def test_a_final_state_inside_needs_on_done_and_on_done_a_final_state() -> None:
    only(
        Chart(
            initial(
                Q.A,
                initial(Q.B, on(Go, to=Q.C)),
                final(Q.C),  # and then?
            ),
            state(Q.D, on(Go, to=Q.A)),
            on(Go, to=Q.D),
        ),
        "and then?",
        r"Q\.C is final inside of Q\.A, which has no on_done\(\)",
    )
    only(
        Chart(
            initial(
                P.A,
                on(Go, to=P.B),
                on_done(to=P.B),  # of what?
            ),
            state(P.B, on(Go, to=P.A)),
        ),
        "of what?",
        "there is no final",
    )


def test_history_is_of_a_state_with_states_inside() -> None:
    only(
        Chart(
            initial(P.A, on(Go, to=P.B)),
            state(
                P.B,
                on(Go, to=history(P.A)),  # nothing inside
            ),
        ),
        "nothing inside",
        r"there are no states inside of P\.A",
    )


# -- events ------------------------------------------------------------------------------------------------------------------------------


def test_two_unguarded_transitions_for_one_event_are_named() -> None:
    only(
        Chart(
            initial(
                P.A,
                on(Go, to=P.B),
                on(Go, do=act),  # the second
            ),
            state(P.B, on(Go, to=P.A)),
        ),
        "the second",
        r"on\(Go\) in P\.A has no guard, and neither has the one at .*test_declaration.py:\d+",
    )
    only(
        Chart(
            initial(
                P.A,
                on(Go, to=P.B),
                ignore(Sub, Go),  # the second
            ),
            state(P.B, on(Go, to=P.A), ignore(Sub)),
        ),
        "the second",
        r"ignore\(Go\) in P\.A has no guard",
    )


def test_a_guarded_transition_behind_an_unguarded_one_is_never_looked_at() -> None:
    only(
        Chart(
            initial(
                P.A,
                on(Go, to=P.B),
                on(Go, when=maybe, do=act),  # too late
            ),
            state(P.B, on(Go, to=P.A)),
        ),
        "too late",
        "never looked at",
    )


def test_unhandled_pairs_of_state_and_event_are_named() -> None:
    only(
        Chart(
            initial(P.A, on(Go, to=P.B)),
            state(P.B, state_timeout(1, to=P.A)),  # and Go?
        ),
        "and Go?",
        r"P\.B does not say what becomes of Go \(named at .*\): add on\(\), ignore\(\), postpone\(\) or refuse\(\)",
    )


@pytest.mark.parametrize("verdict", [ignore, postpone, refuse])
def test_an_unhandled_pair_is_declared_as(verdict: Callable[..., Any]) -> None:
    make(Chart(initial(P.A, on(Go, to=P.B)), state(P.B, state_timeout(1, to=P.A), verdict(Go))))
    make(Chart(initial(P.A, on(Go, to=P.B)), state(P.B, state_timeout(1, to=P.A)), verdict(Go)))


def test_a_pair_whose_guards_may_all_fail_is_unhandled() -> None:
    only(
        Chart(
            initial(
                P.A,
                on(Go, to=P.B, when=maybe),  # if not?
            ),
            state(P.B, on(Go, to=P.A)),
        ),
        "if not?",
        r"P\.A does not say what becomes of Go if no guard holds",
    )


def test_a_subclass_is_handled_where_its_base_is() -> None:
    make(Chart(initial(P.A, on(Sub, to=P.B), ignore(Go)), state(P.B, on(Go, to=P.A))))
    only(
        Chart(
            initial(P.A, on(Go, to=P.B)),
            state(P.B, on(Sub, to=P.A)),  # Go itself?
        ),
        "Go itself?",
        r"P\.B does not say what becomes of Go ",
    )


def test_each_member_of_an_enum_of_events_is_an_event() -> None:
    make(Chart(initial(P.A, on(Key.UP, to=P.B)), state(P.B, on(Key.UP, to=P.A))))
    make(Chart(initial(P.A, on(Key, to=P.B)), state(P.B, on(Key.UP, to=P.A), ignore(Key.DOWN))))
    only(
        Chart(
            initial(P.A, on(Key, to=P.B)),
            state(P.B, on(Key.UP, to=P.A)),  # and the other?
        ),
        "and the other?",
        r"P\.B does not say what becomes of Key\.DOWN",
    )


def test_a_named_timeout_may_come_in_every_state() -> None:
    only(
        Chart(
            initial(P.A, on(Go, to=P.B), timeout("late", to=P.B)),
            state(P.B, on(Go, to=P.A)),  # it goes on
        ),
        "it goes on",
        r"P\.B does not say what becomes of .*late.* add timeout\('late'\), which does nothing",
    )
    make(Chart(initial(P.A, on(Go, to=P.B), timeout("late", to=P.B)), state(P.B, on(Go, to=P.A)), timeout("late")))


def test_a_guarded_state_timeout_needs_another() -> None:
    only(
        Chart(
            initial(
                P.A,
                on(Go, to=P.B),
                state_timeout(1.0, to=P.B, when=maybe),  # if not?
            ),
            state(P.B, on(Go, to=P.A)),
        ),
        "if not?",
        "if no guard holds",
    )


@pytest.mark.parametrize("word", [state_timeout, event_timeout])
def test_a_state_says_once_how_long_a_timeout_is(word: Callable[..., Any]) -> None:
    only(
        Chart(
            initial(
                P.A,
                on(Go, to=P.B),
                word(1.0, to=P.B, when=maybe),
                word(2.0, do=act),  # two
            ),
            state(P.B, on(Go, to=P.A)),
        ),
        "two",
        "says how long, and so does",
    )
    make(Chart(initial(P.A, on(Go, to=P.B), word(1.0, to=P.B, when=maybe), word(None, do=act)), state(P.B, on(Go, to=P.A))))


@pytest.mark.parametrize("word", [lambda: state_timeout(1, do=act), lambda: on_done(do=act)], ids=["state_timeout", "on_done"])
def test_what_belongs_to_a_state_is_not_taken_by_the_chart_itself(word: Callable[[], Any]) -> None:
    with pytest.raises(MachineDeclarationError, match="belongs into a state"):
        make(Chart(initial(P.A, on(Go, to=P.B)), state(P.B, on(Go, to=P.A)), word()))


def test_all_that_is_wrong_is_told_at_once() -> None:
    found = problems(Chart(initial(P.A, on(Go, to=P.A), on(Go, do=act)), state(P.B, on(Get, do=act))))
    assert len(found) >= 4


# -- answers -----------------------------------------------------------------------------------------------------------------------------


def test_what_answers_a_request_is_of_its_type() -> None:
    def wrong(machine: Any, event: Get) -> str:
        return ""

    def right(machine: Any, event: Get) -> int:
        return 1

    def later(machine: Any, event: Get) -> ReplyHandle:
        return machine.reply_later()  # type: ignore[no-any-return]

    only(
        Chart(
            initial(P.A, on(Go, to=P.B)),
            state(P.B, on(Go, to=P.A)),
            on(Get, do=wrong),  # a str
        ),
        "a str",
        r"answers with <class 'str'>, but Get is a Request\[<class 'int'>\]",
    )
    only(
        Chart(
            initial(P.A, on(Go, to=P.B)),
            state(P.B, on(Go, to=P.A)),
            ignore(Get),  # None
        ),
        "# None",
        r"ignore\(Get\) in the chart answers with",
    )
    for fine in (on(Get, do=right), on(Get, do=later), refuse(Get), postpone(Get), on(Get, do=lambda machine, event: "?")):
        make(Chart(initial(P.A, on(Go, to=P.B)), state(P.B, on(Go, to=P.A)), fine))


# -- single arguments --------------------------------------------------------------------------------------------------------------------


async def waits(machine: Any, event: Any) -> bool:
    return True


BAD: list[tuple[Callable[[], Any], type[Exception], str]] = [
    (lambda: initial("A"), TypeError, "a member of an Enum"),  # type: ignore[type-var]
    (lambda: state(P.A, "on Go"), TypeError, "write state"),  # type: ignore[arg-type]
    (lambda: state(P.A, stays=1), TypeError, "stays=1"),  # type: ignore[arg-type]
    (lambda: Chart(on_enter(lambda machine: None)), TypeError, "is not valid as a part"),  # type: ignore[arg-type]
    (lambda: on("go", do=act), TypeError, "a class of messages"),  # type: ignore[call-overload]
    (lambda: on(Go()), TypeError, "a class of messages"),  # type: ignore[call-overload]
    (lambda: on(StateTimeout, do=act), TypeError, "use state_timeout"),
    (lambda: on(NamedTimeout, do=act), TypeError, "use state_timeout"),
    (lambda: on(Go, to="B"), TypeError, "to='B'"),  # type: ignore[call-overload]
    (lambda: on(Go, to=()), TypeError, r"to=\(\)"),
    (lambda: on(Go, to=(P.A, P.B)), TypeError, "without do="),
    (lambda: on(Go, do="act"), TypeError, "do='act'"),  # type: ignore[call-overload]
    (lambda: on(Go, do=lambda machine: None), TypeError, r"called as do\(self, event\)"),  # type: ignore[call-overload,misc]
    (lambda: on(Go, when=True, do=act), TypeError, "when=True"),  # type: ignore[call-overload]
    (lambda: on(Go, when=waits, do=act), TypeError, "make it a plain function"),  # type: ignore[call-overload]
    (lambda: on(Go, do=act, postpone=1), TypeError, "postpone=1"),  # type: ignore[call-overload]
    (lambda: on(Go, do=act, reenter="yes"), TypeError, "reenter='yes'"),  # type: ignore[call-overload]
    (lambda: on_enter(lambda: None), TypeError, r"called as action\(self\)"),  # type: ignore[misc,arg-type]
    (lambda: on_exit(None), TypeError, "action=None"),  # type: ignore[arg-type]
    (ignore, TypeError, "name the events"),
    (lambda: postpone(3), TypeError, "a class of messages"),  # type: ignore[arg-type]
    (refuse, TypeError, "name the events"),
    (lambda: history("A"), TypeError, "a state"),  # type: ignore[type-var]
    (lambda: history(P.A, deep=1), TypeError, "deep=1"),  # type: ignore[arg-type]
    (lambda: timeout([], do=act), TypeError, "unhashable"),
    *[
        (lambda word=word, value=value: word(value, do=act), kind, text)  # type: ignore[misc]
        for word in (state_timeout, event_timeout)
        for value, kind, text in [
            (-1, ValueError, "seconds=-1"),
            (float("nan"), ValueError, "seconds=nan"),
            (float("inf"), ValueError, "seconds=inf"),
            (10**400, ValueError, "seconds=1000"),
            ("1", TypeError, "seconds='1'"),
            (True, TypeError, "seconds=True"),
            (lambda: 1.0, TypeError, r"called as seconds\(self\)"),
        ]
    ],
]


@pytest.mark.parametrize(("make_part", "kind", "text"), BAD, ids=range(len(BAD)))
def test_bad_arguments_are_refused_where_they_are_written(make_part: Callable[[], Any], kind: type[Exception], text: str) -> None:
    with pytest.raises(kind, match=text):
        make_part()


GOOD = Chart(initial(P.A, on(Go, to=P.B)), state(P.B, on(Go, to=P.A)))


def test_a_chart_is_a_chart() -> None:
    with pytest.raises(MachineDeclarationError, match=r"chart = Chart\(\.\.\.\)"):
        make([initial(P.A)])


def test_messages_of_a_machine_go_through_its_chart_only() -> None:
    with pytest.raises(TypeError, match="not in on_receive"):
        make(GOOD, on_receive=lambda self, message: None)

    with pytest.raises(TypeError, match="not in on_receive"):

        class Made(StateMachine[P, None]):
            @handler
            def go(self, message: Go) -> None:
                pass

            chart = GOOD


@pytest.mark.parametrize("limit", [0, -1, 1.5, True, "many"])
def test_a_bad_event_limit_is_refused(limit: Any) -> None:
    with pytest.raises(ValueError, match="event_limit="):

        class Made(StateMachine[P, None], event_limit=limit):
            chart = GOOD


def test_a_machine_takes_one_event_at_a_time() -> None:
    with pytest.raises(TypeError, match="reentrant"):

        class Made(StateMachine[P, None], reentrant=True):
            async def go(self, event: Go) -> None:
                pass

            chart = Chart(initial(P.A, on(Go, to=P.B, do=go)), state(P.B, on(Go, to=P.A)))


def test_a_machine_without_a_chart_does_not_start() -> None:
    class Bare(StateMachine[P, None]):
        pass

    with pytest.raises(TypeError, match="has no chart"):
        Bare.start()


def test_an_internal_event_may_be_a_member_of_an_enum() -> None:
    class Step(InternalEvent, Enum):
        ONE = auto()

    make(Chart(initial(P.A, on(Step.ONE, to=P.B)), state(P.B, on(Step.ONE, to=P.A))))
