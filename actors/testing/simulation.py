"""`Simulation`: what a scenario is given."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeVar

from actors._core.callbacks import check_callback
from actors._core.context import current_cell
from actors._core.ports import install
from actors._core.ref import ActorRef
from actors._core.seconds import check_seconds
from actors.config import SystemConfig
from actors.errors import ActorDeadError
from actors.system import ActorSystem, in_place_of_default
from actors.testing.checks import EPOCH, check_epoch, check_jump
from actors.testing.errors import SimulationError
from actors.testing.faults import Fault, Faults, Injector
from actors.testing.network import Ordering
from actors.testing.observers import AtRest, Eventually, Observers
from actors.testing.oracles import Oracle
from actors.testing.realworld import guarded
from actors.testing.strategies import Fifo
from actors.testing.watchdog import Watchdog
from actors.testing.world import World

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from types import TracebackType

    from actors._core.actor import Actor
    from actors._core.cell import Cell
    from actors.testing.strategies import Strategy

__all__ = ["Simulation"]

A = TypeVar("A", bound="Actor")


class Simulation:
    """A world of its own: actors, their messages and their time, on the calling thread, one step after the other.

    Use it with ``with``, or let `explore` make it. Inside, nothing happens by itself: waiting for anything (an ask, a future, a stop)
    takes steps until it has happened, and `run` takes all there are. The actors are those of production, unchanged: a system that is
    made inside belongs to the simulation, and so does what `Actor.start()` starts.

    Args:
        strategy: makes the choices; None takes what has waited longest (`Fifo`).
        ordering: in which order messages may arrive.
        seed: of the ids and random numbers that come from the simulation.
        max_steps: steps after which a run counts as endless.
        faults: what may go wrong by the strategy's choice; nothing if left out.
        epoch: the time of the day at the beginning, with a zone: what `Clock.wall` tells then.

    Attributes:
        step_seconds: of processor time after which a step counts as endless, as when a handler loops without waiting; set it on the
            class; None lets it. Watched where simulations run on the main thread, and not on Windows.
    """

    step_seconds: ClassVar[float | None] = 5.0

    def __init__(
        self,
        strategy: Strategy | None = None,
        *,
        ordering: Ordering = Ordering.CAUSAL,
        seed: int = 0,
        max_steps: int = 10_000,
        faults: Faults | None = None,
        epoch: datetime = EPOCH,
    ) -> None:
        if not isinstance(ordering, Ordering):
            msg = f"ordering={ordering!r} is not valid: use a member of Ordering"
            raise TypeError(msg)
        if strategy is not None and not callable(getattr(strategy, "choose", None)):
            msg = f"strategy={strategy!r} is not valid: an object with a method choose(enabled), like RandomWalk(1)"
            raise TypeError(msg)
        self._world = World(strategy if strategy is not None else Fifo(), ordering, seed=seed, limit=max_steps)
        self._world.epoch = check_epoch(epoch)
        self._world.asks_always = getattr(strategy, "asks_always", False)
        if faults is not None and faults.budget():
            self._world.injector = Injector(self._world, faults)
        self._system: ActorSystem | None = None

    def __enter__(self) -> Self:
        if current_cell() is not None:
            msg = "a simulation begins in a handler of an actor: begin it outside; a handler has a world already, in which it would wait"
            raise SimulationError(msg)
        self._watchdog = Watchdog(self._world, self.step_seconds)
        self._world.begin()
        self._guard = guarded(self._world.refuse)
        self._guard.__enter__()
        # What is collected in the middle of a run, and so which finalizers run there, depends on all that went before it.
        self._collects = gc.isenabled()
        gc.disable()
        self._watchdog.start()
        self._restores = [install(self._world.ports), in_place_of_default(lambda: self.system)]
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        observers = self._world.observers
        missed_end = observers is not None and observers.missed_end
        try:
            try:
                drain = getattr(self._world.strategy, "drain", None)
                if error is None and drain is not None:
                    drain()
            finally:
                self._world.close()
        finally:
            self._watchdog.stop()
            for restore in self._restores:
                restore()
            self._guard.__exit__(None, None, None)
            if self._collects:
                gc.enable()
        leftover = self._world.leftover()
        if leftover is not None and error is None:
            raise leftover
        if error is None and missed_end:
            msg = "something is to hold when nothing can happen any more, and that was never awaited: let the scenario call sim.run()"
            raise SimulationError(msg)

    # -- actors ------------------------------------------------------------------------------------------------------------

    @property
    def system(self) -> ActorSystem:
        """The simulation's first system, made when it is first asked for. It stands for the default system, whose actors are registered."""
        if self._system is None:
            self._system = self.new_system()
            self._system._runtime.is_default = True
        return self._system

    def new_system(self, name: str = "simulated", **config: Any) -> ActorSystem:
        """Return one more system in this world.

        Args:
            name: of the system.
            config: what `SystemConfig` takes, but for `ports`.
        """
        return ActorSystem(name, config=SystemConfig(ports=self._world.ports, **config))

    def spawn(self, actor_class: type[A], *args: Any, **kwargs: Any) -> ActorRef[A]:
        """Start an actor in `system`, as `ActorSystem.spawn` does."""
        return self.system.spawn(actor_class, *args, **kwargs)

    def instance(self, ref: ActorRef[A]) -> A:
        """Return the actor itself, to look at its state between two steps.

        Raises:
            ActorDeadError: it has ended.
        """
        self._world.looked = self._world.looked or bool(self._world.enabled())
        cell = self._cell(ref)
        actor: A | None = cell.actor
        if actor is None:
            label = cell.label()
            raise ActorDeadError(f"{label} has ended: there is no instance to look at", label)
        return actor

    def always(self, name: str, holds: Callable[[], object]) -> None:
        """Check from now on that `holds()` is true after every step.

        Args:
            name: what should hold, for the report.
            holds: a plain function that only looks, at `instance(ref)` or at what the scenario keeps. What it raises fails the run.

        Raises:
            InvariantError: (out of whatever takes the steps) it was not.
        """
        self._world.looked = True
        check_callback("holds", holds, "a function without arguments that tells whether it holds")
        self._world.invariants.append((name, holds))

    def shares(self, name: str, *refs: ActorRef[Any]) -> None:
        """Declare that actors share something that is no actor: a file, a dict, a lock.

        An exhaustive exploration then makes all orders of their steps. Without it, it takes the order of steps of two actors for
        indifferent as long as they send each other nothing.

        Args:
            name: of what they share.
            refs: of the actors.
        """
        for ref in refs:
            cell = self._cell(ref)
            self._world.shared[cell] = (*self._world.shared.get(cell, ()), name)

    def eventually(self, name: str, holds: Callable[[], object]) -> None:
        """Check that `holds()` is true now or after some later step, before `run` returns because nothing can happen any more.

        Args:
            name: what should hold, for the report.
            holds: as for `always`.

        Raises:
            InvariantError: (out of `run`) it never was.
        """
        check_callback("holds", holds, "a function without arguments that tells whether it holds")
        oracle = Eventually(name, holds)
        self.check(oracle)
        self._world.observers.look(oracle)  # type: ignore[union-attr]  # made by `check`

    def at_rest(self, name: str, holds: Callable[[], object]) -> None:
        """Check that `holds()` is true whenever `run` returns because nothing can happen any more.

        Args:
            name: what should hold, for the report.
            holds: as for `always`.

        Raises:
            InvariantError: (out of `run`) it was not.
        """
        check_callback("holds", holds, "a function without arguments that tells whether it holds")
        self.check(AtRest(name, holds))

    def check(self, *oracles: Oracle) -> None:
        """Let oracles watch from now on. Each belongs to one run: make them in the scenario.

        Args:
            oracles: of `actors.testing.oracles`, or your own.

        Raises:
            SimulationError: one of them has watched another run.
            InvariantError: (out of whatever takes the steps, or a send in the scenario) what one of them watches for has happened.
        """
        world = self._world
        if world.observers is None:
            world.observers = Observers(world)
        for oracle in oracles:
            if not isinstance(oracle, Oracle):
                msg = f"{oracle!r} is no oracle: make one, like check(oracles.PairFifo())"
                raise TypeError(msg)
            world.looked = world.looked or oracle.looks_between
            world.observers.add(oracle)

    # -- faults ------------------------------------------------------------------------------------------------------------

    def group(self, name: str, *refs: ActorRef[Any]) -> None:
        """Say which actors may be cut off together, by the fault *partition* or by `partition`."""
        cells = dict.fromkeys(self._cell(ref) for ref in refs)
        self._injector().groups[name] = cells

    def crash(self, ref: ActorRef[Any]) -> None:
        """Let an actor fail as if a handler had raised, when the handler that it is at, if any, has returned."""
        self._injector().inject(Fault("crash", self._cell(ref)))

    def pause(self, ref: ActorRef[Any]) -> None:
        """Let an actor stand still until `resume`, or until that is all that can happen."""
        self._injector().inject(Fault("pause", self._cell(ref)))

    def resume(self, ref: ActorRef[Any]) -> None:
        """Let a paused actor go on."""
        self._injector().inject(Fault("resume", self._cell(ref)))

    def partition(self, group: str) -> None:
        """Cut a group off until `heal`, or until that is all that can happen. What is under way across the cut is lost when it heals."""
        self._known(group).inject(Fault("partition", group=group))

    def heal(self, group: str) -> None:
        """End a partition."""
        self._known(group).inject(Fault("heal", group=group))

    def _cell(self, ref: ActorRef[Any]) -> Cell:
        """Return whom `ref` is of.

        Raises:
            TypeError: it is no ref.
            ValueError: it is one of an actor outside of this simulation.
        """
        cell = getattr(ref, "_target", None)
        if not isinstance(ref, ActorRef) or cell is None:
            msg = f"{ref!r} is no ref of an actor, as sim.spawn() returns"
            raise TypeError(msg)
        if cell.system.ports is not self._world.ports:
            msg = f"{ref!r} is of an actor outside of this simulation"
            raise ValueError(msg)
        return cell

    def _injector(self) -> Injector:
        world = self._world
        if world.injector is None:
            world.injector = Injector(world, Faults())
        return world.injector

    def _known(self, group: str) -> Injector:
        injector = self._injector()
        if group not in injector.groups:
            msg = f"group={group!r} is not known: name its members with sim.group({group!r}, ...) before"
            raise ValueError(msg)
        return injector

    # -- time and steps ----------------------------------------------------------------------------------------------------

    @property
    def now(self) -> float:
        """Virtual time, in seconds from the beginning."""
        return self._world.now()

    def jump(self, seconds: float) -> None:
        """Set the clock on the wall: `Clock.wall` goes ahead by so many seconds, or back. Virtual time and timers do not notice.

        Args:
            seconds: more than 0 to go ahead, less to go back.
        """
        self._world.jump(check_jump(seconds))

    @property
    def steps(self) -> int:
        """Steps taken so far."""
        return self._world.steps

    def step(self) -> bool:
        """Take one step; return False if nothing can happen any more."""
        self._world.check_outside("step")
        self._world.looked = True
        return self._world.try_step()

    def run(self) -> None:
        """Take steps until nothing can happen any more, timers included.

        Raises:
            TooManyStepsError: there was no end, as with a periodic timer; use `advance`.
        """
        self._world.check_outside("run")
        while self._world.try_step():
            pass
        self._world.settled()

    def advance(self, seconds: float) -> None:
        """Take steps until `seconds` of virtual time have gone by."""
        over: list[bool] = []
        world = self._world
        world.check_outside("advance")

        def end() -> None:
            over.append(True)
            world.scenario_learns()

        world.call_at(world.now() + check_seconds("seconds", seconds), end)
        while not over:
            world.step()
        world.looked = True  # what the scenario looks at now may or may not have seen what is still under way
