"""A machine that does what its events say, on every dispatcher, with time at the test's command."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any

from actors import ActorRef, ActorSystem, DispatcherKind, SystemConfig
from actors.events import DeadLetter
from actors.testing import ManualClock, Simulation
from supervisors.machine import (
    Chart,
    EventTimeout,
    InternalEvent,
    NamedTimeout,
    StateMachine,
    StateTimeout,
    event_timeout,
    initial,
    on,
    on_enter,
    on_exit,
    postpone,
    state,
    state_timeout,
    timeout,
)

STAGES = ("pool", "thread", "event loop", "event loop, async", "simulated", "simulated, async")


class Stage:
    """A system on one dispatcher, with its clock."""

    def __init__(self, kind: str, system: ActorSystem, advance: Callable[[float], object]) -> None:
        self.kind = kind
        self.system = system
        self.letters: list[Any] = []
        self._spawned: list[ActorRef[Any]] = []
        self._advance = advance
        system.events.subscribe(DeadLetter, lambda letter: self.letters.append(letter.message))

    def spawn(self, machine: type[Any], *args: Any, **options: Any) -> ActorRef[Any]:
        """Start a machine on the stage's dispatcher."""
        kinds = {"thread": DispatcherKind.THREAD, "event loop": DispatcherKind.EVENT_LOOP}
        if machine is Player and self.kind.endswith("async"):
            machine = AsyncPlayer
        ref = self.system.spawn(machine, *args, dispatcher=kinds.get(self.kind), **options)
        self._spawned.append(ref)
        return ref

    def advance(self, seconds: float) -> None:
        """Let time pass, once what was sent has been taken, and what is due happen."""
        for ref in self._spawned:
            if ref.is_alive():
                log(ref)
        self._advance(seconds)


@contextmanager
def stage(kind: str) -> Iterator[Stage]:
    """Make a stage; nothing that was started there is left."""
    if kind.startswith("simulated"):
        with Simulation() as sim:
            yield Stage(kind, sim.system, sim.advance)
        return
    clock = ManualClock()
    with ActorSystem("stage", config=SystemConfig(ports=clock.ports())) as system:
        yield Stage(kind, system, clock.advance)


class Place(Enum):
    A = auto()
    B = auto()
    C = auto()


@dataclass(frozen=True)
class Do:
    """Have the machine's action call something."""

    name: str
    call: Callable[[Any], object] = field(default=lambda machine: None, compare=False)


@dataclass(frozen=True)
class Later(Do):
    """The same; postponed in A."""


@dataclass(frozen=True)
class Inside(InternalEvent):
    """The same, from the machine itself only."""

    name: str
    call: Callable[[Any], object] = field(default=lambda machine: None, compare=False)


ANYWHERE = (Place.A, Place.B, Place.C)


class Player(StateMachine[Place, list[str]]):
    """Notes in its log what it goes through: ``A:name`` for an event taken in A, ``+A`` and ``-A`` for enter and exit actions."""

    def __init__(self, on_entry: Callable[[Player], object] | None = None, on_leave: Callable[[Player], object] | None = None) -> None:
        super().__init__([])
        self.on_entry = on_entry
        self.on_leave = on_leave

    def take(self, event: Do | Inside) -> object:
        self.data.append(f"{self.state.name}:{event.name}")
        return event.call(self)

    def fired(self, event: StateTimeout | EventTimeout | NamedTimeout) -> None:
        kinds = {StateTimeout: "state timeout", EventTimeout: "event timeout"}
        self.data.append(f"{self.state.name}:{event.key if isinstance(event, NamedTimeout) else kinds[type(event)]}")

    def entered(self) -> None:
        self.data.append(f"+{self.state.name}")
        if self.on_entry is not None:
            self.on_entry(self)

    def left(self) -> None:
        self.data.append(f"-{self.state.name}")
        if self.on_leave is not None:
            self.on_leave(self)

    chart = Chart(
        initial(Place.A, on_enter(entered), on_exit(left), postpone(Later), state_timeout(None, to=ANYWHERE, do=fired)),
        state(Place.B, on_enter(entered), on_exit(left), state_timeout(None, to=ANYWHERE, do=fired)),
        state(Place.C, on_enter(entered), on_exit(left), state_timeout(None, to=ANYWHERE, do=fired)),
        on(Do, to=ANYWHERE, do=take),
        on(Inside, to=ANYWHERE, do=take),
        event_timeout(None, do=fired),
        timeout("one", do=fired),
        timeout("two", do=fired),
    )


class AsyncPlayer(Player):
    """The same, with actions that wait."""

    async def take(self, event: Do | Inside) -> object:
        await asyncio.sleep(0)
        return super().take(event)

    async def fired(self, event: StateTimeout | EventTimeout | NamedTimeout) -> None:
        await asyncio.sleep(0)
        super().fired(event)

    async def entered(self) -> None:
        await asyncio.sleep(0)
        super().entered()

    async def left(self) -> None:
        await asyncio.sleep(0)
        super().left()


def to(place: Place) -> Callable[[Any], None]:
    """Return a call that has the machine go there."""
    return lambda machine: machine.goto(place)


def log(ref: ActorRef[Any]) -> list[str]:
    """Return what the machine has gone through, once it has taken what was sent. Looking is no event."""
    return list(ref.proxy().data.get(timeout=20))
