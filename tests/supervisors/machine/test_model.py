"""Machines at random, under the simulator, against the model of gen_statem."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, assume, given, note, settings
from hypothesis import strategies as st

from actors.testing import Kind, Pending, Simulation
from supervisors.machine import (
    Chart,
    EventTimeout,
    InternalEvent,
    NamedTimeout,
    StateMachine,
    StateTimeout,
    event_timeout,
    ignore,
    initial,
    on,
    on_enter,
    on_exit,
    postpone,
    state,
    state_timeout,
    timeout,
)
from tests.supervisors.machine.model import (
    TIMEOUTS,
    Cancel,
    Endless,
    Event,
    Goto,
    Insert,
    Model,
    Place,
    Rules,
    Scripts,
    Start,
    Tie,
    What,
)
from tests.support import scaled

ANYWHERE = tuple(Place)


# -- the machine: the same, in the words of the chart ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class First:
    event: Event


@dataclass(frozen=True)
class Second:
    event: Event


@dataclass(frozen=True)
class Third(InternalEvent):
    """Inserted only."""

    event: Event


KINDS = (First, Second, Third)


def wrapped(event: Event) -> Any:
    return KINDS[event.kind](event)


class Scripted(StateMachine[Place, list[str]]):
    scripts: ClassVar[Scripts] = {}
    timed: ClassVar[bool] = True

    def __init__(self) -> None:
        super().__init__([])

    def take(self, message: Any) -> None:
        self.data.append(f"{self.state.name}:{message.event.name}")
        self.do(message.event.script)

    def fired(self, event: StateTimeout | EventTimeout | NamedTimeout) -> None:
        name = "state" if isinstance(event, StateTimeout) else "event" if isinstance(event, EventTimeout) else str(event.key)
        self.data.append(f"{self.state.name}:{name}")
        self.do(self.scripts.get((self.state, name), ()))

    def take_on_the_way(self, message: Any) -> None:
        self.data.append(f"{self.state.name}:{message.event.name}")
        self.do([effect for effect in message.event.script if not isinstance(effect, Goto)])

    def do(self, script: Any) -> None:  # noqa: C901  # one case an effect
        for effect in script:
            match effect:
                case Start("state") | Cancel("state") if not self.timed:
                    pass
                case Goto(place):
                    self.goto(place)
                case Insert(events):
                    self.insert(*map(wrapped, events))
                case Start("state", seconds):
                    self.start_state_timeout(seconds)
                case Start("event", seconds):
                    self.start_event_timeout(seconds)
                case Start(name, seconds):
                    self.start_timeout(name, seconds)
                case Cancel("state"):
                    self.cancel_state_timeout()
                case Cancel("event"):
                    self.cancel_event_timeout()
                case Cancel(name):
                    self.cancel_timeout(name)

    def entered(self) -> None:
        self.data.append(f"+{self.state.name}")

    def left(self) -> None:
        self.data.append(f"-{self.state.name}")


def machine_of(
    rules: Rules, scripts: Scripts, entering: dict[Place, tuple[Start, ...]], *, waits: bool, hooks: bool, timed: bool
) -> type[Scripted]:
    """Make the class of machines that a model describes."""

    async def takes(self: Scripted, message: Any) -> None:
        await asyncio.sleep(0)
        Scripted.take(self, message)

    async def takes_on_the_way(self: Scripted, message: Any) -> None:
        await asyncio.sleep(0)
        Scripted.take_on_the_way(self, message)

    take = takes if waits else Scripted.take
    take_on_the_way = takes_on_the_way if waits else Scripted.take_on_the_way

    def transition(place: Place, kind: int) -> Any:
        message = KINDS[kind]
        what = rules.get((place, kind), What.TAKE)
        if what is What.IGNORE:
            return ignore(message)
        if what is What.POSTPONE:
            return postpone(message)
        if isinstance(what, Place):
            return on(message, to=what, do=take_on_the_way)
        return on(message, to=ANYWHERE, do=take, postpone=what is What.TAKE_AND_POSTPONE)

    def seconds(place: Place, name: str) -> float | None:
        return next((one.seconds for one in entering.get(place, ()) if one.timeout == name), None)

    def place_of(place: Place) -> Any:
        make = initial if place is Place.A else state
        return make(
            place,
            *([on_enter(Scripted.entered), on_exit(Scripted.left)] if hooks else []),
            *(transition(place, kind) for kind in range(len(KINDS))),
            *([state_timeout(seconds(place, "state"), to=ANYWHERE, do=Scripted.fired)] if timed else []),
        )

    class Made(Scripted):
        chart = Chart(
            *map(place_of, Place),
            event_timeout(None, to=ANYWHERE, do=Scripted.fired),
            timeout("one", to=ANYWHERE, do=Scripted.fired),
            timeout("two", to=ANYWHERE, do=Scripted.fired),
        )

    Made.scripts = scripts
    Made.timed = timed
    return Made


# -- what happens to it ------------------------------------------------------------------------------------------------------------------

SECONDS = st.integers(1, 400).map(lambda n: n * 0.0173)
places = st.sampled_from(Place)


def effects(events: st.SearchStrategy[Event], *, zero: bool) -> st.SearchStrategy[Any]:
    return st.one_of(
        places.map(Goto),
        st.lists(events, min_size=1, max_size=3).map(tuple).map(Insert),
        st.builds(Start, st.sampled_from(TIMEOUTS), st.just(0.0) | SECONDS if zero else SECONDS),
        st.builds(Cancel, st.sampled_from(TIMEOUTS)),
    )


names = st.sampled_from("klmnopqrst")
plain = st.builds(Event, st.integers(0, 2), names)
inner = st.builds(Event, st.integers(0, 2), names, st.lists(effects(plain, zero=True), max_size=2).map(tuple))
middle = st.builds(Event, st.integers(0, 2), names, st.lists(effects(inner, zero=True), max_size=3).map(tuple))
outer = st.builds(Event, st.integers(0, 1), names, st.lists(effects(middle, zero=True), max_size=4).map(tuple))


@st.composite
def all_rules(draw: st.DrawFn) -> Rules:
    """Take-and-postpone only in A: in two places it could go on for ever."""
    found: Rules = {}
    for place in Place:
        for kind in range(len(KINDS)):
            choices = [What.TAKE, What.TAKE, What.POSTPONE, What.IGNORE]
            more = [What.TAKE_AND_POSTPONE] if place is Place.A else []
            found[place, kind] = draw(st.sampled_from([*choices, *more, *Place]))
    return found


# The actions of timeouts start none of 0, which could go on for ever.
all_scripts = st.dictionaries(
    st.tuples(places, st.sampled_from(TIMEOUTS)), st.lists(effects(plain, zero=False), max_size=3).map(tuple), max_size=6
)
entries = st.dictionaries(places, st.builds(Start, st.just("state"), SECONDS).map(lambda one: (one,)), max_size=3)
happenings = st.lists(st.lists(outer, min_size=1, max_size=4) | SECONDS, min_size=1, max_size=8)


class MailFirst:
    """Lets time pass only when nothing else is left to do: the model has no time between an event and what comes of it."""

    def choose(self, enabled: Sequence[Pending]) -> int:
        return next((index for index, one in enumerate(enabled) if one.kind is not Kind.TIMER), 0)


@pytest.mark.long
@settings(max_examples=scaled(10_000, 200), suppress_health_check=list(HealthCheck), deadline=None)
@given(
    rules=all_rules(),
    scripts=all_scripts,
    entering=entries,
    happens=happenings,
    waits=st.booleans(),
    hooks=st.booleans(),
    timed=st.booleans(),
)
def test_random_machines_agree_with_the_model_of_gen_statem(
    rules: Rules,
    scripts: Scripts,
    entering: dict[Place, tuple[Start, ...]],
    happens: list[Any],
    waits: bool,
    hooks: bool,
    timed: bool,
) -> None:
    model = Model(rules, scripts, entering, hooks=hooks, timed=timed)
    with Simulation(MailFirst(), max_steps=100_000) as sim:
        ref = sim.spawn(machine_of(rules, scripts, entering, waits=waits, hooks=hooks, timed=timed))
        sim.advance(0)
        for one in happens:
            try:
                happen(model, one)
            except (Tie, Endless):
                assume(False)
            if isinstance(one, float):
                sim.advance(one)
            else:
                for event in one:
                    ref.tell(wrapped(event))
                sim.advance(0)
            machine = sim.instance(ref)
            note(f"{one!r}: {model.log}")
            assert machine.data == model.log
            assert machine.state is model.state
            assert ref.stats().stashed == len(model.postponed)


def happen(model: Model, what: Any) -> None:
    if isinstance(what, float):
        model.advance(what)
    else:
        model.mailbox.extend(what)
        model.run()
