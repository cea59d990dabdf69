"""Looking at a machine: it says where it is without being asked, whatever it is at."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from enum import Enum, auto
from typing import Any

import pytest

from actors import Actor, ActorDeadError, ActorSystem
from supervisors import Supervisor, child
from supervisors.machine import (
    Chart,
    EventTimeout,
    MachineInfo,
    NamedTimeout,
    PendingTimeout,
    StateMachine,
    StateTimeout,
    final,
    initial,
    machine_info,
    on,
    on_enter,
    state,
)
from tests.supervisors.kit import restless
from tests.supervisors.machine.kit import STAGES, Do, Later, Place, Player, Stage, log, stage, to
from tests.support import scaled


@pytest.fixture(params=STAGES)
def on_stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    with stage(request.param) as made:
        yield made


# -- a machine at rest, on every dispatcher --------------------------------------------------------------------------------


def test_a_machine_says_where_it_is_since_when_and_how_often_it_changed(on_stage: Stage) -> None:
    ref = on_stage.spawn(Player)
    log(ref)
    assert machine_info(ref) == MachineInfo(Place.A, (Place.A,), 0.0, 0, (), (), ["+A"])
    on_stage.advance(2.0)
    ref.tell(Do("go", to(Place.B)))
    log(ref)
    on_stage.advance(0.5)
    info = machine_info(ref)
    assert (info.state, info.inside, info.since, info.transitions) == (Place.B, (Place.B,), 0.5, 1)
    assert info.data == ["+A", "A:go", "-A", "+B"]


def test_postponed_events_are_told_until_they_are_taken_again(on_stage: Stage) -> None:
    ref = on_stage.spawn(Player)
    one, two = Later("one"), Later("two")
    ref.tell(one)
    ref.ask(two, block=False)
    log(ref)
    assert machine_info(ref).postponed == (one, two)
    ref.tell(Do("go", to(Place.B)))
    log(ref)
    assert machine_info(ref).postponed == ()


def test_timeouts_are_told_with_what_is_left_of_them_the_next_one_first(on_stage: Stage) -> None:
    def begin(machine: Any) -> None:
        machine.start_state_timeout(9.0)
        machine.start_timeout("two", 5.0)
        machine.start_event_timeout(7.0)
        machine.start_timer("mine", 1.0, "no timeout of the machine's")

    ref = on_stage.spawn(Player)
    ref.tell(Do("begin", begin))
    log(ref)
    two, silence, inside = NamedTimeout("two"), EventTimeout(), StateTimeout(Place.A)
    assert machine_info(ref).timeouts == (PendingTimeout(two, 5.0), PendingTimeout(silence, 7.0), PendingTimeout(inside, 9.0))
    on_stage.advance(0.75)
    assert [(one.event, one.left) for one in machine_info(ref).timeouts] == [(two, 4.25), (silence, 6.25), (inside, 8.25)]
    ref.tell(Do("go", to(Place.B)))
    log(ref)
    assert machine_info(ref).timeouts == (PendingTimeout(two, 4.25),)


def test_a_machine_that_has_ended_is_in_no_state(on_stage: Stage) -> None:
    ref = on_stage.spawn(Player)
    ref.tell(Later("kept"))
    ref.stop()
    assert machine_info(ref) == MachineInfo()


def test_a_machine_that_failed_on_the_way_is_in_no_state(on_stage: Stage) -> None:
    def fails(machine: Player) -> None:
        if machine.state is Place.B:
            raise LookupError

    ref = on_stage.spawn(Player, fails)
    with suppress(LookupError, ActorDeadError):
        ref.ask(Do("go", to(Place.B)))
    assert machine_info(ref).state is None


def test_an_action_sees_itself_and_a_timeout_of_0_that_waits(on_stage: Stage) -> None:
    seen: list[MachineInfo] = []

    def look(machine: Any) -> None:
        seen.append(machine_info(machine.actor_ref))

    def begin(machine: Any) -> None:
        machine.start_timeout("one", 0)
        machine.insert(Do("look", look))

    ref = on_stage.spawn(Player)
    ref.tell(Do("begin", begin))
    log(ref)
    assert [(info.state, info.timeouts) for info in seen] == [(Place.A, (PendingTimeout(NamedTimeout("one"), 0.0),))]


# -- one that is at work, or has not begun ---------------------------------------------------------------------------------


class Deep(Enum):
    OUT = auto()
    OUTER = auto()
    INNER = auto()
    LEAF = auto()
    END = auto()


class Go:
    """Down, and then out."""


class Nested(StateMachine[Deep, list[MachineInfo]]):
    def look(self) -> None:
        self.data.append(machine_info(self.actor_ref))

    chart = Chart(
        initial(Deep.OUT, on_enter(look), on(Go, to=Deep.OUTER)),
        state(Deep.OUTER, initial(Deep.INNER, initial(Deep.LEAF, on(Go, to=Deep.END)))),
        final(Deep.END),
    )


@pytest.fixture
def system() -> Iterator[ActorSystem]:
    with ActorSystem("info") as system:
        yield system


def test_a_nested_state_is_told_with_those_around_it(system: ActorSystem) -> None:
    ref = system.spawn(Nested, [])
    ref.ask(Go())
    assert machine_info(ref).inside == (Deep.OUTER, Deep.INNER, Deep.LEAF)
    assert machine_info(ref).state is Deep.LEAF


def test_a_machine_that_has_not_begun_is_in_no_state(system: ActorSystem) -> None:
    ref = system.spawn(Nested, [])
    assert ref.proxy().data.get(timeout=20) == [MachineInfo()]
    assert machine_info(ref).state is Deep.OUT


class Again(Nested):
    """Looks at itself while it is made, before it is a machine and after, and when it hands over."""

    def __init__(self, seen: list[MachineInfo]) -> None:
        seen.append(machine_info(self.actor_ref))
        super().__init__(seen)
        seen.append(machine_info(self.actor_ref))

    def on_handover(self) -> Any:
        self.data.append(machine_info(self.actor_ref))
        return super().on_handover()


def test_a_machine_that_is_being_restarted_is_in_no_state_until_it_has_begun_again(system: ActorSystem) -> None:
    seen: list[MachineInfo] = []
    supervisor = system.spawn(Supervisor, [child(Again, seen, name="again")])
    ref = system.lookup(f"{supervisor.path}/again")
    assert ref is not None
    ref.proxy().data.get(timeout=20)
    assert seen == [MachineInfo()] * 3
    ref.tell("what no chart knows")
    ref.proxy().data.get(timeout=20)
    assert seen == [MachineInfo()] * 7
    assert machine_info(ref).state is Deep.OUT


def test_a_machine_that_is_blocked_in_an_action_is_shown_where_it_is(system: ActorSystem) -> None:
    release, begun = threading.Event(), threading.Event()

    def block(machine: object) -> None:
        begun.set()
        release.wait(20)

    ref = system.spawn(Player)
    ref.tell(Do("block", block))
    assert begun.wait(20)
    assert machine_info(ref).state is Place.A
    release.set()


@pytest.mark.parametrize("what", [None, Player, "/top", 1])
def test_what_is_no_ref_is_refused(what: Any) -> None:
    with pytest.raises(TypeError, match="ref="):
        machine_info(what)


def test_an_actor_that_is_no_machine_is_refused_by_name(system: ActorSystem) -> None:
    class Plain(Actor):
        def on_receive(self, message: Any) -> None:
            pass

    with pytest.raises(TypeError, match=r"a .*Plain is no state machine"):
        machine_info(system.spawn(Plain))


def test_a_machine_is_read_while_it_flips_and_fails(system: ActorSystem) -> None:
    def flip(machine: Any) -> None:
        machine.start_timeout("one", 100.0)
        machine.goto(Place.B if machine.state is not Place.B else Place.A)

    def fails(machine: Any) -> None:
        raise LookupError

    refs = [system.spawn(Player)]
    over = threading.Event()

    def trouble() -> None:
        number = 0
        while not over.is_set():
            number += 1
            ref = refs[-1]
            with suppress(ActorDeadError):
                ref.tell(Later("later"))
                ref.tell(Do("flip", flip))
                ref.ask(Do("wait"))
                if number % 50 == 0:
                    ref.tell(Do("fail", fails))
                    refs.append(system.spawn(Player))

    thread = threading.Thread(target=trouble)
    seen: set[Any] = set()
    end = time.monotonic() + scaled(10, 0.7)
    with restless():
        thread.start()
        try:
            while time.monotonic() < end or len(seen) < 3:
                for ref in refs[-2:]:
                    info = machine_info(ref)
                    seen.add(info.state)
                    assert info.state in (None, Place.A, Place.B)
                    assert info.inside == (() if info.state is None else (info.state,))
                    assert {type(event) for event in info.postponed} <= {Later}
                    assert {one.event for one in info.timeouts} <= {NamedTimeout("one")}
        finally:
            over.set()
            thread.join()
