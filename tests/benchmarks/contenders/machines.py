"""State machines: the same turnstile as a machine, as a plain actor, and in the libraries that have no actor around it.

Every contender counts the events it takes; where the state changes, it changes with each event.
"""

from __future__ import annotations

import contextlib
import importlib
import logging
import time
from enum import Enum, auto
from typing import Any

from actors import Actor, ActorSystem, handler
from supervisors.machine import Chart, StateMachine, ignore, initial, on, on_enter, on_exit, postpone, state, state_timeout
from tests.benchmarks.harness import ContenderAbsentError


class Gate(Enum):
    LOCKED = auto()
    OPEN = auto()


class Flip:
    """Changes the state."""


class Tick:
    """Changes the data."""


class Total:
    """Asks how many there were."""


class Plain(Actor):
    """A plain actor with `on_receive`."""

    def __init__(self) -> None:
        super().__init__()
        self.data = 0

    def on_receive(self, message: Any) -> int | None:
        if type(message) is Total:
            return self.data
        self.data += 1
        return None


class Declared(Actor):
    """A plain actor with `@handler`."""

    def __init__(self) -> None:
        super().__init__()
        self.data = 0

    @handler
    def count(self, message: Flip | Tick) -> None:
        self.data += 1

    @handler
    def total(self, message: Total) -> int:
        return self.data


class Waiting(Actor):
    """An actor with an async handler."""

    def __init__(self) -> None:
        super().__init__()
        self.data = 0

    async def on_receive(self, message: Any) -> int | None:
        if type(message) is Total:
            return self.data
        self.data += 1
        return None


class Counts(StateMachine[Gate, int]):
    """What the machines below do."""

    def count(self, event: object) -> None:
        self.data += 1

    def total(self, event: Total) -> int:
        return self.data

    def always(self, event: object) -> bool:
        return True

    def nothing(self) -> None:
        pass


class Simple(Counts):
    """Two states, one action."""

    chart = Chart(
        initial(Gate.LOCKED, on(Flip, to=Gate.OPEN, do=Counts.count)),
        state(Gate.OPEN, on(Flip, to=Gate.LOCKED, do=Counts.count)),
        on(Tick, do=Counts.count),
        on(Total, do=Counts.total),
    )


class WaitingMachine(Counts):
    """The same, with an async action."""

    async def waits(self, event: object) -> None:
        self.data += 1

    chart = Chart(
        initial(Gate.LOCKED, on(Flip, to=Gate.OPEN, do=waits)),
        state(Gate.OPEN, on(Flip, to=Gate.LOCKED, do=waits)),
        ignore(Tick),
        on(Total, do=Counts.total),
    )


class Guarded(Counts):
    """The same, with a guard."""

    chart = Chart(
        initial(Gate.LOCKED, on(Flip, when=Counts.always, to=Gate.OPEN, do=Counts.count), ignore(Flip)),
        state(Gate.OPEN, on(Flip, when=Counts.always, to=Gate.LOCKED, do=Counts.count), ignore(Flip)),
        ignore(Tick),
        on(Total, do=Counts.total),
    )


class Entered(Counts):
    """The same, with enter and exit actions."""

    chart = Chart(
        initial(Gate.LOCKED, on(Flip, to=Gate.OPEN, do=Counts.count), on_enter(Counts.nothing), on_exit(Counts.nothing)),
        state(Gate.OPEN, on(Flip, to=Gate.LOCKED, do=Counts.count), on_enter(Counts.nothing), on_exit(Counts.nothing)),
        ignore(Tick),
        on(Total, do=Counts.total),
    )


class Timed(Counts):
    """The same, with a state timeout that never comes to its end."""

    chart = Chart(
        initial(Gate.LOCKED, on(Flip, to=Gate.OPEN, do=Counts.count), state_timeout(1000.0, to=Gate.OPEN)),
        state(Gate.OPEN, on(Flip, to=Gate.LOCKED, do=Counts.count), state_timeout(1000.0, to=Gate.LOCKED)),
        ignore(Tick),
        on(Total, do=Counts.total),
    )


class Postponing(Counts):
    """Every second event is postponed, and taken after the next change of state."""

    chart = Chart(
        initial(Gate.LOCKED, postpone(Tick), on(Flip, to=Gate.OPEN, do=Counts.count)),
        state(Gate.OPEN, on(Tick, to=Gate.LOCKED, do=Counts.count), postpone(Flip)),
        on(Total, do=Counts.total),
    )


def tells(kind: type[Any], events: int, *, event: type[Any]) -> float:
    """Tell an actor so many events; return how long it takes until the last one is handled."""
    arguments = (0,) if issubclass(kind, StateMachine) else ()
    message = event()
    with ActorSystem("machines") as system:
        ref = system.spawn(kind, *arguments)
        begin = time.perf_counter()
        for _ in range(events):
            ref.tell(message)
        counted = ref.ask(Total())
        seconds = time.perf_counter() - begin
    assert counted == events
    return seconds


def postponed(events: int) -> float:
    """Tell pairs of which the first is postponed."""
    tick, flip = Tick(), Flip()
    with ActorSystem("machines") as system:
        ref = system.spawn(Postponing, 0)
        begin = time.perf_counter()
        for _ in range(events // 2):
            ref.tell(tick)
            ref.tell(flip)
        counted = ref.ask(Total())
        seconds = time.perf_counter() - begin
    assert counted == events // 2 * 2
    return seconds


def _library(name: str) -> Any:
    with contextlib.suppress(ImportError):
        return importlib.import_module(name)
    raise ContenderAbsentError(f"{name} is not installed")


def python_statemachine(events: int) -> float:
    """``python-statemachine``, called directly."""
    library = _library("statemachine")

    class Turnstile(library.StateMachine):  # type: ignore[name-defined,misc]
        locked = library.State(initial=True)
        opened = library.State()
        flip = locked.to(opened) | opened.to(locked)

        def __init__(self) -> None:
            self.data = 0
            super().__init__()

        def on_flip(self) -> None:
            self.data += 1

    machine = Turnstile()
    begin = time.perf_counter()
    for _ in range(events):
        machine.flip()
    seconds = time.perf_counter() - begin
    assert machine.data == events
    return seconds


def transitions(events: int) -> float:
    """``transitions``, called directly."""
    library = _library("transitions")
    logging.getLogger("transitions").setLevel(logging.WARNING)

    class Turnstile:
        def __init__(self) -> None:
            self.data = 0

        def count(self) -> None:
            self.data += 1

    machine = Turnstile()
    library.Machine(
        machine,
        states=["locked", "opened"],
        initial="locked",
        transitions=[
            {"trigger": "flip", "source": "locked", "dest": "opened", "before": "count"},
            {"trigger": "flip", "source": "opened", "dest": "locked", "before": "count"},
        ],
    )
    flip = machine.flip  # type: ignore[attr-defined]
    begin = time.perf_counter()
    for _ in range(events):
        flip()
    seconds = time.perf_counter() - begin
    assert machine.data == events
    return seconds
