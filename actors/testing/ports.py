"""What the kernel asks of a simulation: its ports, all of them in one object.

Clock, ids, waiter, dispatcher, and the host of every actor. What happens when is a matter of `World`, which this is the other half of.
"""

from __future__ import annotations

import asyncio
import heapq
import uuid
from random import Random
from typing import TYPE_CHECKING, Any

from greenlet import getcurrent

from actors._core.context import Strand, current_cell
from actors._core.events import ActorCrashed
from actors._core.lifecycle import Lifecycle
from actors._core.options import DispatcherKind
from actors.dispatch.runner import cancel_open, give_up_open
from actors.dispatch.waiting import RealWaiter
from actors.errors import BlockingInLoopError
from actors.testing.causes import Causes
from actors.testing.network import Kind, mailbox_of
from actors.testing.waits import Parker

if TYPE_CHECKING:
    import itertools
    from collections import deque
    from collections.abc import Callable

    from actors._core import ports
    from actors._core.cell import Cell, Lane
    from actors.testing.aio import SimLoop
    from actors.testing.network import Pending
    from actors.testing.observers import Observers
    from actors.testing.waits import Worker

__all__ = ["Chance", "PortSide", "Timer", "is_async"]


class Timer:
    """A call at a time."""

    __slots__ = ("call", "patient", "pending", "when")

    def __init__(self, when: float, call: Callable[[], object], pending: Pending) -> None:
        self.when = when
        self.call: Callable[[], object] | None = call
        self.pending = pending
        pending.target = self
        self.patient = False  # whether it comes only when nothing else can

    def cancel(self) -> None:
        """Make sure that the call is not begun."""
        self.call = None


class Chance:
    """Random numbers. Whoever draws one changes what others will draw."""

    def __init__(self, world: PortSide, seed: int) -> None:
        self._world = world
        self._seed = seed
        self._random: Random | None = None  # seeding one takes as long as a few deliveries, and most runs draw nothing

    def random(self) -> float:
        """Return a number in [0, 1)."""
        self._world.looks_at("chance", changes=True)
        return self._generator().random()

    def getrandbits(self, count: int) -> int:
        """Return a whole number of `count` bits."""
        return self._generator().getrandbits(count)

    def _generator(self) -> Random:
        if self._random is None:
            self._random = Random(self._seed)
        return self._random


class PortSide(Causes):
    """The ports. Everything that they share with `World` is made there."""

    turns = range(1)
    queue: deque[Cell]
    observers: Observers | None
    cells: dict[Cell, int]
    loop: SimLoop
    worker: Worker
    sent: Callable[..., Pending]
    broken: Callable[[BaseException], None]
    epoch: float
    _lane: Lane
    _systems: list[Any]
    _time: float
    _timers: list[tuple[float, int, Timer]]
    _numbers: itertools.count[int]
    _urns: Chance

    # -- Dispatcher and Host -----------------------------------------------------------------------------------------------

    def lane(self, cell: Cell) -> Lane:
        """Return the one lane."""
        self.cells[cell] = self.name("actor", self._now) if self.names is not None else 0
        if cell.system not in self._systems:
            self._systems.append(cell.system)
            cell.system.events.subscribe(ActorCrashed, self._crashed)
        self.touched(cell.path)  # it can be looked up from now on
        return self._lane

    def _crashed(self, event: ActorCrashed) -> None:
        """Fail the run if an assertion did not hold in an actor; other crashes are a matter of its supervision."""
        if self.observers is not None:
            self.observers.crashed(event.ref.path, event.error)
        if isinstance(event.error, AssertionError):
            self.broken(event.error)

    def mailbox(self, cell: Cell) -> Any:
        """Return a simulated mailbox."""
        return mailbox_of(self, cell)  # type: ignore[arg-type]  # the other half is there

    def wake(self) -> None:
        """Never called: nobody sleeps."""

    def retire(self, cell: Cell) -> None:
        """Note that `cell` has ended, and can be looked up no more."""
        self.touched(cell.path)

    def check_turns(self) -> None:
        """There are turns as long as steps are taken."""

    def went_idle(self) -> None:
        """Keep every runner: a simulation is short."""

    def again(self, cell: Cell) -> None:
        """Queue a cell whose task ended in the middle."""
        self.queue.append(cell)

    def here(self) -> bool:
        """Tell whether the loop is running the caller."""
        return asyncio._get_running_loop() is self.loop

    def renew(self, cell: Cell) -> None:
        """Cancel what the old instance of a reentrant actor is still at."""
        give_up_open(cell)

    def cancel(self, cell: Cell) -> None:
        """Cancel what `cell` is at, in the step under way."""
        if not is_async(cell):
            return
        cancel_open(cell)
        runner = cell.rare.runner if cell.rare is not None else None
        if runner is not None and cell.state is not Lifecycle.STOPPED:
            runner.cancel()

    def _aside(self, call: Callable[[], object], name: str) -> None:
        del name
        self.sent(Kind.CALL, None, self.worker.strand(call))

    # -- what an exhaustive exploration wants to know --------------------------------------------------------------------------

    def looks_at(self, resource: Any, *, changes: bool) -> None:
        """Take note that the caller looks at, or changes, `resource`, which tells nothing of who did so before. While hunting: nothing."""

    def contends(self, cell: Cell) -> None:
        """Note that the caller comes to the mailbox of `cell`, where it depends on all steps of that, and on whoever else sends to it."""
        self.meets(cell)

    # -- Clock, Ids --------------------------------------------------------------------------------------------------------

    def now(self) -> float:
        """Return the virtual time, in seconds."""
        return self._time

    def wall(self) -> float:
        """Return the virtual time of the day, in seconds since the epoch."""
        self.looks_at("wall", changes=False)
        return self.epoch + self.now()

    def jump(self, seconds: float) -> None:
        """Set the time of the day on, or back; all else goes on as it was."""
        self.looks_at("wall", changes=True)
        self.epoch += seconds

    def call_at(self, when: float, call: Callable[[], object]) -> Timer:
        """Call `call` in a step of its own that moves time to `when`."""
        timer = Timer(when, call, self.sent(Kind.TIMER, current_cell(), None))
        if when != float("inf"):
            heapq.heappush(self._timers, (when, next(self._numbers), timer))
        return timer

    def soon(self, call: Callable[[], object]) -> None:
        """Call `call` in a step of its own."""
        self.call_at(self._time, call)

    def urn(self) -> str:
        """Return a URN that depends on the seed only."""
        return uuid.UUID(int=self._urns.getrandbits(128), version=4).urn

    def text_of(self, correlation: Any) -> str:
        """Return the number: a simulation's ids are the same in every run."""
        return str(correlation)

    # -- Waiter ------------------------------------------------------------------------------------------------------------

    def parker(self) -> ports.Parker:
        """Return a parker for the caller. Another thread, which has nothing to do with the simulation, waits for real."""
        if not self.lives_here():
            return RealWaiter().parker()
        if self.on_loop():
            raise BlockingInLoopError
        here: Any = getcurrent()
        return Parker(self, here if type(here) is Strand else None)  # type: ignore[arg-type]

    def check(self, advice: str) -> None:
        """Refuse where an event loop would be blocked."""
        if self.on_loop():
            raise BlockingInLoopError(advice)

    def on_loop(self) -> bool:
        """Tell whether the caller is a coroutine's."""
        return self.here()


def is_async(cell: Cell) -> bool:
    """Tell whether `cell` runs on the loop."""
    kind = cell.options.dispatcher
    return kind is DispatcherKind.EVENT_LOOP or (kind is None and cell.actor_class._greenroom_async)
