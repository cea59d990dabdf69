"""How plain handlers run and wait in a simulation: each on a greenlet, put aside until its step is chosen."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from greenlet import getcurrent

from actors._core.context import Strand, current_cell
from actors._core.turn import run
from actors.testing.errors import SimulationOver
from actors.testing.futures import SimFuture, origin_of
from actors.testing.network import Kind

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors._core.cell import Cell
    from actors._core.future import Future
    from actors.testing.network import Now, Wait
    from actors.testing.ports import Timer
    from actors.testing.world import World

__all__ = ["Parker", "Worker", "wait_patiently"]


class Worker:
    """The `Worker` of every plain handler in the simulation, and its idle greenlets."""

    turn = 1

    def __init__(self) -> None:
        self.resumed: deque[Any] = deque()
        self.cells: deque[Cell] = deque()
        self.cell: Cell | None = None
        self.idle: list[Any] = []
        self.root: Any = None
        self.over = False

    def give_turn(self, cell: Cell) -> None:
        """Run the turn of `cell` until it is over, or waits."""
        self.cells.append(cell)
        strand = self.idle.pop() if self.idle else self.strand(lambda: run(self))
        strand.switch()

    def strand(self, call: Callable[[], object]) -> Strand:
        """Return a greenlet for `call`."""
        strand = Strand(call, self.root)
        strand.worker = self
        return strand

    def rest(self) -> bool:
        """End the turn; go on with the next one that the greenlet is taken for."""
        self.cell = None
        self.idle.append(getcurrent())
        self.root.switch()
        return not self.over

    def switch(self) -> bool:
        """Never needed: `resumed` is always empty."""
        return True

    def park(self) -> None:
        """Put the calling greenlet aside; return when it is switched to."""
        cell = self.cell
        self.root.switch()
        self.cell = cell


class Parker:
    """One wait: of a plain handler or a call, whose greenlet is put aside, or of the scenario, which takes steps meanwhile."""

    futures: tuple[Future[Any], ...] = ()
    finite = False
    seen: float | None = None
    patient = False  # whether the timeout comes only once nothing else can happen before it

    def __init__(self, world: World, strand: Strand | None) -> None:
        self._world = world
        self._strand = strand
        self.cell = current_cell()
        self._outcome: Any = None
        self._timer: Timer | None = None
        self._by: Now | None = None  # who ended it
        self._wait: Wait | None = None  # once it is parked

    def _end(self, outcome: Any, by: Now | None = None) -> bool:
        if self._outcome is not None:
            self._touch_wait()
            return False
        self._outcome, self._by = outcome, by
        if self._timer is not None:
            self._timer.cancel()
        self._touch_wait()
        if self._strand is None:
            self._world.scenario_learns(by)
        elif self._wait is not None:
            self._world.sent(Kind.REPLY, self.cell, self._strand, by, self._wait)
        return True

    def _touch_wait(self) -> None:
        """Note that the step under way ends the wait, or would: a timeout and an answer depend on each other."""
        if self._wait is not None:
            self._world.looks_at(("wait", self._wait.name), changes=True)

    def wake(self, *futures: object) -> None:
        """End the wait."""
        self._end(True, origin_of(futures[0]) if futures else None)

    def throw(self, error: BaseException) -> bool:
        """End the wait with `error`; whether it does depends on who resolves what it waits for."""
        for future in self.futures:
            if isinstance(future, SimFuture) and future.resource is not None:
                self._world.looks_at(future.resource, changes=True)
        return self._end(error)

    def park(self, timeout: float | None) -> bool:
        """Wait until woken, or for `timeout` seconds of virtual time."""
        world = self._world
        world.check_open(scenario=self._strand is None)
        if timeout is not None:
            self._timer = world.call_at(world.now() + max(timeout, 0.0), lambda: self._end("late"))
            self._timer.patient = self.patient
        self._wait = world.begin_wait()
        if self._timer is not None:
            self._timer.pending.wait = self._wait
        if self._strand is None:
            while self._outcome is None:
                world.step(self.futures)
        else:
            if self._outcome is not None:
                world.sent(Kind.REPLY, self.cell, self._strand, self._by, self._wait)
            world.parked[self._strand] = self
            world.worker.park()
            world.parked.pop(self._strand, None)
        if self._timer is not None:
            self._timer.cancel()
        if isinstance(self._outcome, BaseException):
            raise self._outcome
        return self._outcome is True

    def abandon(self) -> None:
        """Unwind the handler that waits: the simulation is over."""
        self._outcome = SimulationOver()


def wait_patiently(world: World, future: Future[Any], seconds: float) -> None:
    """Let the scenario wait until `future` is resolved, or nothing else can happen within `seconds` of virtual time.

    `Future.get(timeout)` lets the timeout race with what is under way, since a machine may be that slow. That is right for a program's
    own timeouts, and wrong for one that only keeps a test from hanging.
    """
    parker = Parker(world, None)
    parker.patient = True
    future._listen(parker.wake)  # comes to nothing once the wait is over
    parker.park(seconds)
