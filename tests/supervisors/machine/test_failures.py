"""What goes wrong in a machine, and what it leaves behind."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from actors import Actor, ActorRestarting, ActorStartError, DownReason, NotInActorError, StashFullError
from actors.testing import Probe
from supervisors import AskFailure, Supervisor, child
from supervisors.machine import (
    Chart,
    EndlessEventsError,
    InternalEvent,
    MachineError,
    StateChanged,
    StateMachine,
    TransitionError,
    UnhandledEventError,
    ignore,
    initial,
    on,
    on_enter,
    on_exit,
    postpone,
    refuse,
    state,
    state_timeout,
    timeout,
)
from tests.supervisors.machine.kit import STAGES, Do, Inside, Later, Place, Player, Stage, log, stage, to

A, B, C = Place.A, Place.B, Place.C


@pytest.fixture(params=STAGES)
def on_stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    with stage(request.param) as made:
        yield made


class Oops(Exception):
    pass


def fails(machine: Any, *_: Any) -> Any:
    raise Oops


class Go:
    pass


class Ask:
    pass


class Own(InternalEvent):
    pass


@dataclass
class Rig:
    """Where the machines of a test leave their last state, and what fails in them."""

    failing: set[str]
    left: list[tuple[Place, type[BaseException] | None]]


def machine_that_fails(*, waits: bool) -> type[StateMachine[Place, Rig]]:
    def part(name: str) -> Any:
        def plain(self: Any, *_: Any) -> None:
            if name in self.data.failing:
                raise Oops(name)

        async def waiting(self: Any, *_: Any) -> None:
            await asyncio.sleep(0)
            plain(self)

        return waiting if waits else plain

    def guard(self: Any, event: Any) -> bool:
        if "guard" in self.data.failing:
            raise Oops("guard")
        return True

    action = part("action")

    async def acts_waiting(self: Any, event: Any) -> None:
        await action(self, event)
        self.insert(Own())

    def acts(self: Any, event: Any) -> None:
        action(self, event)
        self.insert(Own())

    class Fails(StateMachine[Place, Rig]):
        def on_failure(self, exception_type: Any, exception_value: Any, traceback: Any) -> None:
            self.data.left.append((self.state, exception_type))

        chart = Chart(
            initial(A, on_exit(part("exit")), on(Go, when=guard, to=B, do=acts_waiting if waits else acts), ignore(Go)),
            state(B, on_enter(part("enter")), on(Go, to=A)),
            state(C, on(Go, to=A)),
            on(Own, to=C, do=part("own event")),
            on(Ask, do=lambda self, event: self.state),
        )

    return Fails


# What the machine is left in: its state if it lives on, or the state it crashed in.
LIVES, CRASHES = "lives on", "crashes"
TABLE = [
    ("guard", "asked", LIVES, A),
    ("guard", "told", CRASHES, A),
    ("action", "asked", LIVES, A),
    ("action", "told", CRASHES, A),
    ("exit", "asked", CRASHES, A),
    ("exit", "told", CRASHES, A),
    ("enter", "asked", CRASHES, B),
    ("enter", "told", CRASHES, B),
    ("own event", "asked", CRASHES, B),
    ("own event", "told", CRASHES, B),
]


@pytest.mark.parametrize(("where", "how", "what", "state_left"), TABLE, ids=lambda value: str(getattr(value, "name", value)))
def test_what_an_exception_leaves_behind(on_stage: Stage, where: str, how: str, what: str, state_left: Place) -> None:
    rig = Rig({where}, [])
    ref = on_stage.spawn(machine_that_fails(waits=on_stage.kind.endswith("async")), rig)
    probe = Probe(on_stage.system, timeout=20)
    probe.watch(ref)
    if how == "told":
        ref.tell(Go())
    elif where == "own event":
        assert ref.ask(Go(), timeout=20) is None  # its own event was taken; what came after is the machine's matter
    else:
        with pytest.raises(Oops, match=where):
            ref.ask(Go(), timeout=20)
    if what is LIVES:
        assert ref.ask(Ask(), timeout=20) is state_left
        assert rig.left == []
        rig.failing.clear()
        ref.ask(Go())
        assert ref.ask(Ask(), timeout=20) is C
    else:
        assert probe.expect_down(ref).reason is DownReason.CRASHED
        assert rig.left == [(state_left, Oops)]


@pytest.mark.parametrize("how", ["asked", "told"])
@pytest.mark.parametrize("policy", list(AskFailure), ids=lambda policy: policy.name)
def test_a_machine_that_fails_between_two_states_is_restarted_once(how: str, policy: AskFailure) -> None:
    rig = Rig({"enter"}, [])

    class Root(Supervisor, intensity=10):
        pass

    with stage("pool") as made:
        root = made.system.spawn(Root, [child(machine_that_fails(waits=False), rig, name="fails", ask_failure=policy)])
        fails_ref = made.system.lookup(f"{root.path}/fails")
        assert fails_ref is not None
        if how == "told":
            fails_ref.tell(Go())
        else:
            with pytest.raises((Oops, ActorRestarting)):
                fails_ref.ask(Go(), timeout=20)
        assert fails_ref.ask(Ask(), timeout=20) is A
        assert rig.left == [(B, Oops)]
        assert fails_ref.stats().restarts == 1


def test_what_an_action_that_fails_asked_for_does_not_happen(on_stage: Stage) -> None:
    def asks_and_fails(machine: Player) -> None:
        machine.goto(B)
        machine.insert(Inside("inserted"))
        machine.start_timeout("one", 0)
        raise Oops

    player = on_stage.spawn(Player)
    with pytest.raises(Oops):
        player.ask(Do("fails", asks_and_fails))
    player.tell(Do("next"))
    assert log(player) == ["+A", "A:fails", "A:next"]


def test_an_exception_in_the_first_enter_action_is_a_failure_to_start(on_stage: Stage) -> None:
    with pytest.raises(ActorStartError) as caught:
        on_stage.spawn(Player, fails)
    assert isinstance(caught.value.cause, Oops)


def test_seconds_that_are_nonsense_crash_the_machine_that_enters_the_state() -> None:
    class Bad(StateMachine[Place, float]):
        chart = Chart(
            initial(A, on(Go, to=B)),
            state(B, on(Go, to=C), state_timeout(lambda machine: machine.data, to=A)),
            state(C, on(Go, to=A)),
        )

    with stage("pool") as made:
        for value in (-1.0, math.nan, math.inf, "soon", None, True):
            ref = made.spawn(Bad, value)
            probe = Probe(made.system, timeout=20)
            probe.watch(ref)
            with pytest.raises((TypeError, ValueError), match="seconds="):
                ref.ask(Go(), timeout=20)
            assert probe.expect_down(ref).reason is DownReason.CRASHED


# -- events ------------------------------------------------------------------------------------------------------------------------------


def test_an_event_that_no_state_knows_is_told_to_the_asker(on_stage: Stage) -> None:
    player = on_stage.spawn(Player)
    for unknown in ("text", 3, None, Place.A, object()):
        with pytest.raises(UnhandledEventError) as caught:
            player.ask(unknown)
        assert (caught.value.state, caught.value.event) == (A, unknown)
        assert "no state of the chart knows it" in str(caught.value)
    assert log(player) == ["+A"]


def test_a_class_sent_in_place_of_an_event_is_told_apart(on_stage: Stage) -> None:
    ref = on_stage.spawn(Player)
    with pytest.raises(UnhandledEventError, match=r"no state of the chart knows it; it is a class: send an instance of it"):
        ref.ask(Go)


def test_an_event_that_no_state_knows_crashes_the_machine_it_was_told(on_stage: Stage) -> None:
    player = on_stage.spawn(Player)
    probe = Probe(on_stage.system, timeout=20)
    probe.watch(player)
    player.tell("text")
    down = probe.expect_down(player)
    assert isinstance(down.error, UnhandledEventError)


class Door(StateMachine[Place, None]):
    chart = Chart(
        initial(A, on(Go, to=B), refuse(Ask)),
        state(B, on(Go, to=C), ignore(Ask)),
        state(C, on(Go, to=A), on(Ask, do=lambda machine, event: "yes")),
    )


def test_a_refused_event_names_the_line_of_the_chart(on_stage: Stage) -> None:
    door = on_stage.spawn(Door)
    with pytest.raises(UnhandledEventError, match=r"Door in Place\.A does not take .*: refuse\(\) in the chart, .*test_failures\.py:\d+"):
        door.ask(Ask())
    door.tell(Go())
    assert door.ask(Ask()) is None
    door.tell(Go())
    assert door.ask(Ask()) == "yes"


def test_the_timeouts_of_a_machine_cannot_be_forged(on_stage: Stage) -> None:
    from supervisors.machine import Done, EventTimeout, NamedTimeout, StateTimeout

    player = on_stage.spawn(Player)
    for forged in (StateTimeout(A), EventTimeout(), NamedTimeout("one"), Done(A)):
        with pytest.raises(UnhandledEventError, match="internal"):
            player.ask(forged)
    assert log(player) == ["+A"]


# -- nonsense ----------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [None, 1, "yes", B], ids=repr)
def test_a_guard_that_returns_nonsense(value: Any) -> None:
    class Nonsense(StateMachine[Place, None]):
        chart = Chart(
            initial(A, on(Go, when=lambda machine, event: value, to=B), ignore(Go)),
            state(B, on(Go, to=C)),
            state(C, on(Go, to=A)),
            on(Ask, do=lambda machine, event: machine.state),
        )

    with stage("pool") as made:
        ref = made.spawn(Nonsense)
        with pytest.raises(TransitionError, match=rf"the guard .* returned {value!r}: True or False".replace("<", r"\<")):
            ref.ask(Go())
        assert ref.ask(Ask()) is A


def test_an_action_that_returns_a_state_to_nobody(on_stage: Stage) -> None:
    player = on_stage.spawn(Player)
    probe = Probe(on_stage.system, timeout=20)
    probe.watch(player)
    assert player.ask(Do("may answer with a state", lambda machine: B)) is B
    player.tell(Do("wants to go", lambda machine: B))
    error = probe.expect_down(player).error
    assert isinstance(error, TransitionError)
    assert "with to= in the chart, or with goto()" in str(error)


@pytest.mark.parametrize("word", [on_enter, on_exit])
def test_an_enter_or_exit_action_that_returns_a_state(word: Any) -> None:
    class Nonsense(StateMachine[Place, None]):
        chart = Chart(
            initial(A, on(Go, to=B), *([word(lambda machine: C)] if word is on_exit else [])),
            state(B, on(Go, to=C), *([word(lambda machine: C)] if word is on_enter else [])),
            state(C, on(Go, to=A)),
        )

    with stage("pool") as made:
        ref = made.spawn(Nonsense)
        with pytest.raises(TransitionError, match="may not change the state"):
            ref.ask(Go())


def test_a_coroutine_that_comes_out_of_a_plain_function() -> None:
    async def waits() -> None:
        pass

    class Nonsense(StateMachine[Place, None]):
        chart = Chart(
            initial(A, on(Go, to=B), on(Ask, do=lambda machine, event: waits())),
            state(B, on_enter(lambda machine: waits()), on(Go, to=C), ignore(Ask)),
            state(C, on(Go, to=A), ignore(Ask)),
        )

    with stage("pool") as made:
        ref = made.spawn(Nonsense)
        for event in (Ask(), Go()):
            with pytest.raises(TransitionError, match="declare it with async def"):
                ref.ask(event)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda machine: machine.goto(C), r"goto\(Place\.C\) is not among to=\(Place\.A, Place\.B,\) at .*test_failures\.py:\d+; add it"),
        (lambda machine: machine.goto("B"), r"goto\(B\) is not among"),
        (lambda machine: machine.goto(None), None),
        (lambda machine: machine.start_state_timeout(1), r"has no state_timeout\(\) in the chart"),
        (lambda machine: machine.start_event_timeout(1), r"has no event_timeout\(\) in the chart"),
        (lambda machine: machine.start_timeout("none", 1), r"there is no timeout\('none'\) in the chart"),
        (lambda machine: machine.stash(), r"write postpone\(\.\.\.\)"),
        (lambda machine: machine.unstash(), "taken again at the next change of state"),
        (lambda machine: machine.resume(machine.snapshot()), r"resume\(\) is for __init__"),
    ],
)
def test_what_an_action_may_not_ask_for(call: Any, text: str | None) -> None:
    class Small(StateMachine[Place, None]):
        chart = Chart(
            initial(A, on(Do, to=(A, B), do=lambda machine, event: event.call(machine))),
            state(B, on(Do, to=C)),
            state(C, on(Do, to=A)),
            on(Ask, do=lambda machine, event: machine.state),
        )

    with stage("pool") as made:
        ref = made.spawn(Small)
        if text is None:
            ref.ask(Do("", call))
        else:
            with pytest.raises(TransitionError, match=text):
                ref.ask(Do("", call))
        assert ref.ask(Ask()) is A


def test_goto_where_the_chart_gives_no_choice() -> None:
    class Small(StateMachine[Place, None]):
        chart = Chart(
            initial(A, on(Do, to=B, do=lambda machine, event: event.call(machine))),
            state(B, on(Do, to=C, do=lambda machine, event: event.call(machine))),
            state(C, on(Do, to=A)),
        )

    with stage("pool") as made:
        ref = made.spawn(Small)
        with pytest.raises(TransitionError, match=r"has no choice; declare it with to=\(Place\.C, \.\.\.\)"):
            ref.ask(Do("", to(C)))
        ref.ask(Do("the same is fine", to(B)))
        ref.ask(Do("", to(C)))


@pytest.mark.parametrize(
    "call",
    [
        lambda machine: machine.goto(B),
        lambda machine: machine.insert(Do("x")),
        lambda machine: machine.checkpoint(),
        lambda machine: machine.start_timeout("one", 1),
        lambda machine: machine.cancel_state_timeout(),
    ],
)
def test_a_guard_only_looks(call: Any) -> None:
    class Small(StateMachine[Place, None]):
        chart = Chart(
            initial(A, on(Go, to=B, when=lambda machine, event: call(machine) is None), ignore(Go)),
            state(B, on(Go, to=C)),
            state(C, on(Go, to=A)),
            timeout("one", do=fails),
        )

    with stage("pool") as made, pytest.raises(TransitionError, match="a guard only looks"):
        made.spawn(Small).ask(Go())


def test_what_is_for_actions_is_refused_elsewhere() -> None:
    errors: list[BaseException] = []

    class Hooks(Player):
        def on_stop(self) -> None:
            with pytest.raises(NotInActorError) as caught:
                self.insert(Do("late"))
            errors.append(caught.value)

        def proxied(self) -> None:
            self.goto(B)

    with stage("pool") as made:
        ref = made.spawn(Hooks)
        with pytest.raises(NotInActorError, match="is for actions of the chart"):
            ref.proxy().proxied().get(timeout=20)
        ref.stop()
    assert len(errors) == 1


def test_a_machine_whose_on_start_forgets_its_own() -> None:
    class Forgets(Player):
        def on_start(self) -> None:
            pass

    with stage("pool") as made, pytest.raises(MachineError, match=r"does not call super\(\)\.on_start\(\)"):
        made.spawn(Forgets).ask(Do("first"))


@pytest.mark.parametrize("seconds", [-1, math.nan, math.inf, "1", True, None, 10**400])
@pytest.mark.parametrize("call", ["state", "event", "named"])
def test_bad_timeouts_are_refused_by_name_and_value(call: str, seconds: Any) -> None:
    def start(machine: Player) -> None:
        if call == "named":
            machine.start_timeout("one", seconds)
        else:
            getattr(machine, f"start_{call}_timeout")(seconds)

    with stage("pool") as made:
        player = made.spawn(Player)
        with pytest.raises((TypeError, ValueError), match=r"seconds="):
            player.ask(Do("start", start))
        assert log(player) == ["+A", "A:start"]


@pytest.mark.parametrize("seconds", [1e9, 1e300, 5e-324])
def test_a_timeout_may_be_as_long_or_short_as_a_number_can_be(on_stage: Stage, seconds: float) -> None:
    player = on_stage.spawn(Player)
    player.ask(Do("start", lambda machine: machine.start_timeout("one", seconds)))
    on_stage.advance(1.0)
    assert log(player) == ["+A", "A:start", *(["A:one"] if seconds < 1 else [])]


# -- without an end ----------------------------------------------------------------------------------------------------------------------


class Loops(StateMachine[Place, str], event_limit=50):
    """Goes on for ever, in the way its data says."""

    def again(self, event: Any) -> None:
        if self.data == "insert":
            self.insert(Own())
        elif self.data == "timeout":
            self.start_timeout("again", 0)

    chart = Chart(
        initial(A, on(Go, do=again), on(Later, to=B, postpone=True)),
        state(B, on(Go, to=A), on(Later, to=A, postpone=True)),
        state(C, on(Go, to=A), ignore(Later)),
        on(Own, do=again),
        timeout("again", do=again),
        on(Ask, to=(C,), do=lambda machine, event: None),
    )


@pytest.mark.parametrize(("how", "event"), [("insert", Go()), ("timeout", Go()), ("postpone", Later("round"))])
@pytest.mark.parametrize("asked", [True, False])
def test_going_on_for_ever_is_bounded_and_reported(on_stage: Stage, how: str, event: Any, asked: bool) -> None:
    ref = on_stage.spawn(Loops, how)
    probe = Probe(on_stage.system, timeout=20)
    probe.watch(ref)
    answer = ref.ask(event, block=False) if asked else None
    if not asked:
        ref.tell(event)
    error = probe.expect_down(ref).error
    assert isinstance(error, EndlessEventsError)
    assert error.limit == 50
    assert "event_limit" in str(error)
    assert error.recent
    if answer is not None and how == "postpone":
        with pytest.raises(EndlessEventsError):
            answer.get(timeout=20)
    elif answer is not None:
        assert answer.get(timeout=20) is None


def test_many_events_of_its_own_are_fine_below_the_limit(on_stage: Stage) -> None:
    player = on_stage.spawn(Player)
    for _ in range(3):
        player.ask(Do("many", lambda machine: machine.insert(*(Inside("x") for _ in range(9_999)))))
    assert len(log(player)) == 1 + 3 * 10_000


def test_postponed_events_are_bounded(on_stage: Stage) -> None:
    class Small(Player, stash_capacity=2):
        pass

    small = on_stage.spawn(Small)
    small.tell(Later("one"))
    small.tell(Later("two"))
    with pytest.raises(StashFullError):
        small.ask(Later("three"))
    small.tell(Do("go", to(B)))
    assert log(small) == ["+A", "A:go", "-A", "+B", "B:one", "B:two"]


# -- neighbours --------------------------------------------------------------------------------------------------------------------------


def test_a_watched_actor_that_dies_is_an_event_to_be_declared() -> None:
    from actors import Down

    class Watches(StateMachine[Place, list[Any]]):
        def look(self, event: Go) -> None:
            self.watch(self.spawn(Actor))
            self.children[0].stop(block=False)

        chart = Chart(
            initial(A, on(Go, do=look), on(Down, to=B, do=lambda machine, event: machine.data.append(event.reason))),
            state(B, on(Go, to=C), ignore(Down)),
            state(C, on(Go, to=A), ignore(Down)),
        )

    seen: list[Any] = []
    with stage("pool") as made:
        ref = made.spawn(Watches, seen)
        probe = Probe(made.system, timeout=20)
        made.system.events.subscribe(StateChanged, probe.ref)
        ref.tell(Go())
        assert probe.expect(lambda event: event.new is B).old is A
    assert seen == [DownReason.STOPPED]


def test_postpone_waits_with_the_guard() -> None:
    class Guarded(StateMachine[Place, int]):
        def full(self, event: Do) -> bool:
            return self.data >= 2

        def count(self, event: Do) -> int:
            self.data += 1
            return self.data

        def empty(self, event: Go) -> None:
            self.data = 0

        chart = Chart(
            initial(A, postpone(Do, when=full), on(Do, do=count), on(Go, to=B, do=empty)),
            state(B, on(Do, to=A, do=count), on(Go, to=C)),
            state(C, on(Go, to=A), ignore(Do)),
        )

    with stage("pool") as made:
        ref = made.spawn(Guarded, 0)
        answers = [ref.ask(Do(str(n)), block=False) for n in range(3)]
        assert [answer.get(timeout=20) for answer in answers[:2]] == [1, 2]
        ref.ask(Go())
        assert answers[2].get(timeout=20) == 1


def test_data_that_is_missing_is_asked_for() -> None:
    class Counts(StateMachine[Place, dict[str, int]]):
        chart = Chart(initial(A, on(Go, to=B)), state(B, on(Go, to=C)), state(C, on(Go, to=A)))

    class Derived(Counts):
        pass

    class Maybe(StateMachine[Place, int | None]):
        chart = Counts.chart

    class Nothing(StateMachine[Place, None]):
        chart = Counts.chart

    for machine in (Counts, Derived):
        with pytest.raises(TypeError, match=r"it is a StateMachine\[\.\.\., dict\[str, int\]\]; give its data"):
            machine.start()
    with stage("pool") as made:
        for machine in (Maybe, Nothing):
            made.spawn(machine)
        made.spawn(Counts, {})
