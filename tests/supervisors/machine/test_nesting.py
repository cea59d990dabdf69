"""States inside of states: who handles, who is entered and left, final states, history."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum, auto
from typing import Any

import pytest

from actors import ActorDeadError, Down, DownReason
from actors.testing import Probe
from supervisors.machine import (
    Chart,
    InternalEvent,
    StateMachine,
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
)
from tests.supervisors.machine.kit import STAGES, Stage, log, stage


@pytest.fixture(params=STAGES)
def on_stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    with stage(request.param) as made:
        yield made


class S(Enum):
    OFF = auto()
    ON = auto()
    SLOW = auto()
    FAST = auto()
    CRUISE = auto()
    SPRINT = auto()
    OVER = auto()


class Switch:
    pass


class Faster:
    pass


class Shared:
    pass


class Back:
    pass


class DeepBack:
    pass


class Again:
    pass


class AgainOn:
    pass


class End:
    pass


class ToOn:
    pass


def enter(machine: Any) -> None:
    machine.data.append(f"+{machine.state.name}")


def leave(machine: Any) -> None:
    machine.data.append(f"-{machine.state.name}")


def note(word: str) -> Any:
    return lambda machine, event: machine.data.append(f"{machine.state.name}:{word}")


def seen(name: str) -> Any:
    """Enter and exit actions that tell whose they are, and where the machine is."""
    return (
        on_enter(lambda machine: machine.data.append(f"+{name} in {machine.state.name}")),
        on_exit(lambda machine: machine.data.append(f"-{name} in {machine.state.name}")),
    )


class Motor(StateMachine[S, list[str]]):
    def __init__(self) -> None:
        super().__init__([])

    chart = Chart(
        initial(
            S.OFF, *seen("OFF"), on(Switch, to=S.ON), on(Back, to=history(S.ON)), on(DeepBack, to=history(S.ON, deep=True)), ignore(Faster)
        ),
        state(
            S.ON,
            *seen("ON"),
            initial(S.SLOW, *seen("SLOW"), on(Faster, to=S.FAST)),
            state(
                S.FAST,
                *seen("FAST"),
                initial(S.CRUISE, *seen("CRUISE"), on(Faster, to=S.SPRINT), on(Shared, do=note("cruise's own"))),
                state(S.SPRINT, *seen("SPRINT"), ignore(Faster)),
                on(Again, to=S.FAST, reenter=True),
            ),
            on(Switch, to=S.OFF),
            on(Shared, do=note("shared")),
            on(AgainOn, reenter=True),
            on(ToOn, to=S.ON),
            state_timeout(10.0, to=S.OFF, do=note("timeout")),
        ),
        final(S.OVER, on_enter(enter)),
        on(End, to=S.OVER),
        ignore(Shared, Again, AgainOn, Back, DeepBack, ToOn),
    )


def after(motor: Any, *events: Any) -> list[str]:
    """Return what comes of events, without what was before."""
    before = len(log(motor))
    for event in events:
        motor.tell(event)
    return log(motor)[before:]


def test_entering_a_state_enters_those_around_it_first_and_its_initial_one_last(on_stage: Stage) -> None:
    motor = on_stage.spawn(Motor)
    assert log(motor) == ["+OFF in OFF"]
    assert after(motor, Switch()) == ["-OFF in OFF", "+ON in SLOW", "+SLOW in SLOW"]


def test_leaving_a_state_leaves_the_innermost_first(on_stage: Stage) -> None:
    motor = on_stage.spawn(Motor)
    after(motor, Switch(), Faster())
    assert after(motor, Switch()) == ["-CRUISE in CRUISE", "-FAST in CRUISE", "-ON in CRUISE", "+OFF in OFF"]


def test_the_states_around_both_are_neither_left_nor_entered(on_stage: Stage) -> None:
    motor = on_stage.spawn(Motor)
    after(motor, Switch())
    assert after(motor, Faster()) == ["-SLOW in SLOW", "+FAST in CRUISE", "+CRUISE in CRUISE"]
    assert after(motor, Faster()) == ["-CRUISE in CRUISE", "+SPRINT in SPRINT"]


def test_an_event_is_handled_by_the_innermost_state_that_has_a_word_for_it(on_stage: Stage) -> None:
    motor = on_stage.spawn(Motor)
    assert after(motor, Shared()) == []
    after(motor, Switch())
    assert after(motor, Shared()) == ["SLOW:shared"]
    after(motor, Faster())
    assert after(motor, Shared()) == ["CRUISE:cruise's own"]


def test_going_to_the_state_around_goes_to_its_initial_one_without_leaving_it(on_stage: Stage) -> None:
    motor = on_stage.spawn(Motor)
    after(motor, Switch(), Faster())
    assert after(motor, ToOn()) == ["-CRUISE in CRUISE", "-FAST in CRUISE", "+SLOW in SLOW"]
    assert after(motor, ToOn()) == []  # it is there


def test_reentering_leaves_and_enters_the_target_and_what_is_inside(on_stage: Stage) -> None:
    motor = on_stage.spawn(Motor)
    after(motor, Switch(), Faster(), Faster())
    assert after(motor, Again()) == ["-SPRINT in SPRINT", "-FAST in SPRINT", "+FAST in CRUISE", "+CRUISE in CRUISE"]
    assert after(motor, Again()) == ["-CRUISE in CRUISE", "-FAST in CRUISE", "+FAST in CRUISE", "+CRUISE in CRUISE"]


def test_reentering_without_a_target_is_of_the_state_that_declares_it(on_stage: Stage) -> None:
    motor = on_stage.spawn(Motor)
    after(motor, Switch())
    assert after(motor, AgainOn()) == ["-SLOW in SLOW", "-ON in SLOW", "+ON in SLOW", "+SLOW in SLOW"]


def test_history_leads_to_where_it_was_directly_inside(on_stage: Stage) -> None:
    motor = on_stage.spawn(Motor)
    after(motor, Switch(), Faster(), Faster(), Switch())
    assert after(motor, Back())[-1] == "+CRUISE in CRUISE"


def test_deep_history_leads_to_the_innermost_state_it_was_in(on_stage: Stage) -> None:
    motor = on_stage.spawn(Motor)
    after(motor, Switch(), Faster(), Faster(), Switch())
    assert after(motor, DeepBack()) == ["-OFF in OFF", "+ON in SPRINT", "+FAST in SPRINT", "+SPRINT in SPRINT"]


class Chooser(StateMachine[S, list[str]]):
    """Its action chooses which history to follow."""

    def __init__(self, deep: bool) -> None:
        super().__init__([])
        self.deep = deep

    def choose(self, event: Back) -> None:
        self.goto(history(S.ON, deep=True) if self.deep else history(S.ON))

    chart = Chart(
        initial(S.OFF, on(Back, to=(history(S.ON), history(S.ON, deep=True)), do=choose), on(Switch, to=S.ON), ignore(Faster)),
        state(
            S.ON,
            initial(S.SLOW, on(Faster, to=S.FAST), ignore(Back), on_enter(enter)),
            state(
                S.FAST,
                initial(S.CRUISE, on(Faster, to=S.SPRINT), ignore(Back), on_enter(enter)),
                state(S.SPRINT, ignore(Faster, Back), on_enter(enter)),
            ),
            on(Switch, to=S.OFF),
        ),
        final(S.OVER),
        on(End, to=S.OVER),
    )


@pytest.mark.parametrize(("deep", "back"), [(False, "+CRUISE"), (True, "+SPRINT")])
def test_an_action_may_choose_a_history(on_stage: Stage, deep: bool, back: str) -> None:
    chooser = on_stage.spawn(Chooser, deep)
    after(chooser, Switch(), Faster(), Faster(), Switch())
    assert after(chooser, Back()) == [back]


@pytest.mark.parametrize("way", [Back, DeepBack])
def test_history_of_a_state_it_has_not_been_in_leads_to_its_initial_one(on_stage: Stage, way: type) -> None:
    motor = on_stage.spawn(Motor)
    assert after(motor, way())[-1] == "+SLOW in SLOW"


def test_the_timeout_of_a_state_runs_on_while_the_machine_moves_inside(on_stage: Stage) -> None:
    motor = on_stage.spawn(Motor)
    after(motor, Switch())
    on_stage.advance(6.0)
    after(motor, Faster())
    on_stage.advance(4.0)
    assert log(motor)[-5:] == ["CRUISE:timeout", "-CRUISE in CRUISE", "-FAST in CRUISE", "-ON in CRUISE", "+OFF in OFF"]


def test_the_timeout_of_a_state_begins_anew_when_it_is_entered_again(on_stage: Stage) -> None:
    motor = on_stage.spawn(Motor)
    after(motor, Switch())
    on_stage.advance(6.0)
    after(motor, AgainOn())
    on_stage.advance(6.0)
    assert log(motor)[-1] == "+SLOW in SLOW"
    on_stage.advance(4.0)
    assert log(motor)[-1] == "+OFF in OFF"


def test_a_machine_is_in_the_states_around_its_own() -> None:
    with stage("pool") as made:
        ref = made.spawn(Motor)
        ref.tell(Switch())
        motor = ref.proxy()
        assert [motor.is_in(one).get() for one in (S.ON, S.SLOW, S.FAST, S.OFF)] == [True, True, False, False]


# -- final states ------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [one for one in STAGES if not one.startswith("simulated")])
def test_a_final_state_ends_the_machine_ahead_of_its_mail(kind: str) -> None:
    with stage(kind) as made:
        motor = made.spawn(Motor)
        probe = Probe(made.system)
        probe.watch(motor)
        probe.expect_none(within=0)
        motor.tell(End())
        ask = motor.ask(Shared(), block=False)
        told = Switch()
        try:
            motor.tell(told)
        except ActorDeadError:
            made.letters.append(told)
        assert probe.expect_down(motor) == Down(motor, DownReason.STOPPED)
        with pytest.raises(ActorDeadError):
            ask.get(timeout=20)
        assert made.letters == [told]


def test_a_final_state_is_entered_before_the_machine_stops(on_stage: Stage) -> None:
    entered: list[str] = []

    class Ends(Motor):
        def on_stop(self) -> None:
            entered.extend([*self.data, self.state.name])

    motor = on_stage.spawn(Ends)
    with pytest.raises(ActorDeadError):
        motor.ask(End()) or motor.ask(End())
    assert entered == ["+OFF in OFF", "-OFF in OFF", "+OVER", "OVER"]


class J(Enum):
    WORK = auto()
    FIRST = auto()
    SECOND = auto()
    FINISHED = auto()
    IDLE = auto()


class Next:
    pass


class Own(InternalEvent):
    pass


class Job(StateMachine[J, list[str]]):
    def __init__(self) -> None:
        super().__init__([])

    def last(self, event: Next) -> None:
        self.data.append("last")
        self.insert(Own())

    chart = Chart(
        initial(J.IDLE, on(Next, to=J.WORK)),
        state(
            J.WORK,
            initial(J.FIRST, on(Next, to=J.SECOND)),
            state(J.SECOND, on(Next, to=J.FINISHED, do=last)),
            final(J.FINISHED, on_enter(enter)),
            on_done(to=J.IDLE, do=lambda machine, event: machine.data.append(f"{event.state.name} is done")),
        ),
        on(Own, do=note("own")),
    )


def test_a_final_state_inside_is_told_to_the_state_around_it_behind_what_was_inserted(on_stage: Stage) -> None:
    job = on_stage.spawn(Job)
    assert after(job, Next(), Next(), Next()) == ["last", "+FINISHED", "FINISHED:own", "WORK is done"]
    assert job.proxy().state.get() is J.IDLE


# -- patience ----------------------------------------------------------------------------------------------------------------------------


class W(Enum):
    AWAKE = auto()
    HERE = auto()
    THERE = auto()
    ASLEEP = auto()


class Stir:
    pass


class Wake:
    pass


class Sleeper(StateMachine[W, list[str]]):
    def __init__(self) -> None:
        super().__init__([])

    chart = Chart(
        initial(
            W.AWAKE,
            initial(W.HERE, on(Wake, to=W.THERE)),
            state(W.THERE, on(Wake, to=W.HERE), event_timeout(1.0, do=note("bored"))),
            event_timeout(5.0, to=W.ASLEEP, do=note("tired")),
            on(Stir, do=note("stir")),
        ),
        state(W.ASLEEP, on(Wake, to=W.HERE), postpone(Stir)),
    )


def test_an_event_timeout_of_a_state_begins_anew_with_each_event(on_stage: Stage) -> None:
    sleeper = on_stage.spawn(Sleeper)
    for _ in range(3):
        on_stage.advance(4.0)
        sleeper.tell(Stir())
    on_stage.advance(4.0)
    assert log(sleeper) == ["HERE:stir"] * 3
    on_stage.advance(1.0)
    assert log(sleeper)[-1] == "HERE:tired"
    on_stage.advance(100.0)
    assert log(sleeper)[-1] == "HERE:tired"


def test_the_event_timeout_of_the_innermost_state_counts(on_stage: Stage) -> None:
    sleeper = on_stage.spawn(Sleeper)
    sleeper.tell(Wake())
    on_stage.advance(1.0)
    assert log(sleeper) == ["THERE:bored"]
    on_stage.advance(1.0)
    assert log(sleeper) == ["THERE:bored"] * 2
    on_stage.advance(0.5)
    sleeper.tell(Wake())
    on_stage.advance(4.9)
    assert log(sleeper) == ["THERE:bored"] * 2
    on_stage.advance(0.1)
    assert log(sleeper)[-1] == "HERE:tired"


def test_an_action_that_fails_leaves_the_event_timeout_of_the_state_running(on_stage: Stage) -> None:
    class Fails(Sleeper):
        chart = Chart(
            initial(
                W.AWAKE,
                initial(W.HERE, on(Wake, to=W.THERE), on(Stir, do=lambda machine, event: 1 / 0)),
                state(W.THERE, on(Wake, to=W.HERE)),
                event_timeout(5.0, to=W.ASLEEP, do=note("tired")),
            ),
            state(W.ASLEEP, on(Wake, to=W.HERE)),
            ignore(Stir),
        )

    sleeper = on_stage.spawn(Fails)
    with pytest.raises(ZeroDivisionError):
        sleeper.ask(Stir())
    on_stage.advance(5.0)
    assert log(sleeper) == ["HERE:tired"]


def test_seconds_may_be_computed_when_the_state_is_entered(on_stage: Stage) -> None:
    class D(Enum):
        WAIT = auto()
        TRY = auto()

    class Retries(StateMachine[D, list[float]]):
        chart = Chart(
            initial(D.TRY, on(Stir, to=D.WAIT, do=lambda machine, event: machine.data.append(2.0 ** len(machine.data)))),
            state(D.WAIT, refuse(Stir), state_timeout(lambda machine: machine.data[-1], to=D.TRY)),
        )

    retries = on_stage.spawn(Retries, [])
    for seconds in (1.0, 2.0, 4.0):
        retries.tell(Stir())
        on_stage.advance(seconds - 0.25)
        assert retries.proxy().state.get() is D.WAIT
        on_stage.advance(0.25)
        assert retries.proxy().state.get() is D.TRY
