"""The dispatchers as worlds that one and the same test runs in.

A behaviour is a plain class whose handlers are ``async def`` where they wait. `World.actor` makes an actor class of it: as it stands for
the worlds with async actors, as plain functions for the others.
"""

from __future__ import annotations

import inspect
import types
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from actors import Actor, ActorRef, ActorSystem, DispatcherKind, Future
from actors.events import DeadLetter, DeadLetterReason
from actors.testing import Simulation
from tests.conformance.single_step import SingleStep

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["PATIENCE", "WORLDS", "World", "child", "got", "make_world"]

PATIENCE = 20.0  # seconds until a wait that should have ended fails its test

WORLDS = {
    "pool": DispatcherKind.POOL,
    "thread": DispatcherKind.THREAD,
    "event_loop": DispatcherKind.EVENT_LOOP,
    "single_step": DispatcherKind.POOL,
    "single_step_async": DispatcherKind.EVENT_LOOP,
    "simulated": DispatcherKind.POOL,
    "simulated_async": DispatcherKind.EVENT_LOOP,
}


@dataclass
class World:
    """A system whose actors all run on one dispatcher."""

    kind: DispatcherKind
    system: ActorSystem
    sim: SingleStep | None = None
    letters: list[tuple[Any, DeadLetterReason]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.system.events.subscribe(DeadLetter, lambda letter: self.letters.append((letter.message, letter.reason)))

    @property
    def asynchronous(self) -> bool:
        return self.kind is DispatcherKind.EVENT_LOOP

    def actor(self, behaviour: type, **options: Any) -> type[Actor]:
        """Make an actor class for this world."""
        members: dict[str, Any] = {
            name: member if self.asynchronous else _plain(member)
            for base in reversed(behaviour.__mro__[:-1])
            for name, member in vars(base).items()
            if name not in ("__dict__", "__weakref__")
        }
        members["asynchronous"] = self.asynchronous
        made: type[Actor] = types.new_class(
            behaviour.__name__, (Actor,), {"dispatcher": self.kind, **options}, lambda space: space.update(members)
        )
        return made

    def spawn(
        self, behaviour: type, *args: Any, name: str | None = None, options: dict[str, Any] | None = None, **kwargs: Any
    ) -> ActorRef[Any]:
        return self.system.spawn(self.actor(behaviour, **(options or {})), *args, name=name, **kwargs)

    def reasons(self, message: object) -> list[DeadLetterReason]:
        return [reason for letter, reason in self.letters if letter == message]


def make_world(name: str) -> tuple[World, Callable[[], None]]:
    """Return the world called `name` and what ends it."""
    kind = WORLDS[name]
    if name.startswith("simulated"):
        simulation = Simulation()
        simulation.__enter__()
        return World(kind, simulation.system), lambda: simulation.__exit__(None, None, None)
    if not name.startswith("single_step"):
        system = ActorSystem()
        return World(kind, system), lambda: _shut_down(system)
    sim = SingleStep()
    sim.__enter__()
    system = sim.system()

    def end() -> None:
        try:
            _shut_down(system)
        finally:
            sim.__exit__()

    return World(kind, system, sim), end


def _shut_down(system: ActorSystem) -> None:
    system.shutdown()


async def got(actor: Any, future: Future[Any]) -> Any:
    """Wait for `future` in a handler of any world."""
    return await future if actor.asynchronous else future.get()


async def child(actor: Any, actor_class: type[Actor], *args: Any, **kwargs: Any) -> ActorRef[Any]:
    """Spawn a child in a handler of any world."""
    if actor.asynchronous:
        return await actor.spawn_async(actor_class, *args, **kwargs)
    ref: ActorRef[Any] = actor.spawn(actor_class, *args, **kwargs)
    return ref


def _plain(member: Any) -> Any:
    if not inspect.iscoroutinefunction(member):
        return member

    def plain(*args: Any, **kwargs: Any) -> Any:
        coroutine = member(*args, **kwargs)
        try:
            coroutine.send(None)
        except StopIteration as stop:
            return stop.value
        raise AssertionError("a handler for a world without event loop awaited something")

    plain.__name__, plain.__qualname__, plain.__module__ = member.__name__, member.__qualname__, member.__module__
    plain.__annotations__ = member.__annotations__
    vars(plain)["__signature__"] = inspect.signature(member)
    vars(plain).update(vars(member))
    return plain
