"""The pool: any number of actors on a few threads.

One worker at a time, the *active* one, serves the run queue: under the GIL a second would only fight it for the lock. The others are:

- *spares*, asleep, ready to take over;
- *retired* workers, which a handler blocked while it was their turn: another has taken over the queue, they only finish what they have
  and resume the handlers that are parked on them (a greenlet cannot change its thread);
- *blocking* workers: they serve the actors of classes that were seen blocking, and never park.

A watcher looks at the active worker every few milliseconds while there is work. It puts a probe into the control lane of the cell that
is running; a handler that is not at a message boundary by the next look is blocking or computing, and a spare takes over.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Any

from greenlet import enable_optional_cleanup, getcurrent

from actors._core import life
from actors._core.cell import Lane
from actors._core.context import Strand
from actors._core.turn import drive, run
from actors.dispatch.blocking import BlockingWorker, BlockingWorkers, abandoned
from actors.dispatch.watcher import Watcher
from actors.errors import InternalError

if TYPE_CHECKING:
    from actors._core.cell import Cell
    from actors.runtime import Runtime

__all__ = ["Pool"]

logger = logging.getLogger("actors")

SPARE_STRANDS = 64  # idle greenlets a worker keeps for the next park

# When a thread ends while one reference to its main greenlet is left (a worker's, or that of an exception kept from a wait), greenlet
# looks for its owner through the whole heap, with a pointer that it does not own: a collection in that moment makes it dangle, and the
# process crashes. The search is for a leak that nothing here has. See docs/decisions/0012.
enable_optional_cleanup(False)

_NOTHING: deque[Cell] = deque(maxlen=0)  # the run queue of a worker that has none


class _GreenletParker:
    """One wait of one handler on a pool worker."""

    _error: BaseException | None = None
    _woken = True
    futures: tuple[Any, ...] = ()
    finite = False
    seen: float | None = None

    def __init__(self, strand: Strand) -> None:
        # Invariant: who pops the claim ends the wait, and is the only one to put the strand into `resumed`.
        self._claim: list[None] = [None]
        self._strand = strand

    def wake(self, *_: object) -> None:
        """End the wait."""
        try:
            self._claim.pop()
        except IndexError:
            return
        self._strand.worker.resume(self._strand)

    def throw(self, error: BaseException) -> bool:
        """End the wait with `error`."""
        try:
            self._claim.pop()
        except IndexError:
            return False
        self._error = error
        self._strand.worker.resume(self._strand)
        return True

    def _expire(self) -> None:
        try:
            self._claim.pop()
        except IndexError:
            return
        self._woken = False
        self._strand.worker.resume(self._strand)

    def park(self, timeout: float | None) -> bool:
        """Let the worker go on with others until woken, or for `timeout` seconds."""
        worker = self._strand.worker
        if timeout is None:
            worker.park(self._strand)
        elif timeout > 0:
            clock = worker.pool.system.ports.clock
            timer = clock.call_at(clock.now() + timeout, self._expire)
            try:
                worker.park(self._strand)
            finally:
                timer.cancel()
        else:
            self._expire()  # unless it is woken already, `resumed` has this strand now; either way it goes on at once
            worker.park(self._strand)
        if self._error is not None:
            raise self._error
        return self._woken


class PoolWorker:
    """One thread of the pool. Its own fields are its thread's, unless said otherwise."""

    def __init__(self, pool: Pool, number: int) -> None:
        self.pool = pool
        self.turn = pool.system.config.turn
        self.cells: deque[Cell] = _NOTHING  # swapped by the pool, under its lock, when roles change
        self.cell: Cell | None = None  # read by the watcher
        self.resumed: deque[Strand] = deque()  # appended to by any thread
        self.parked = 0  # handlers parked here
        self.switches = 0  # parks so far, read by the watcher
        self.asleep: list[None] = []  # holds the claim to wake this worker while it sleeps
        self.ended = False  # set by the pool, under its lock
        self._sleep = threading.Lock()
        self._sleep.acquire()
        self._strands: list[Strand] = []  # idle ones
        self._next: Strand | None = None  # what the root greenlet switches to when a strand ends
        self._root: Any = None
        self.thread = threading.Thread(target=self._main, name=f"greenroom-pool-{number}", daemon=True)

    # -- greenlets ---------------------------------------------------------------------------------------------------------

    def _main(self) -> None:
        """Begin strands. Control comes back here when one ends, or parks with no other to go on with."""
        self._root = getcurrent()
        # Invariant: no greenlet outlives its thread in the middle of its frames. An idle strand ends when it is gone on with now.
        while not self.ended or self.parked or self.resumed or self._strands:
            strand = self._next or (self._strands.pop() if self._strands else self._new_strand())
            self._next = None
            try:
                strand.switch()
            except BaseException as error:  # the thread must not vanish with the run queue
                if isinstance(error, self.pool.system.ports.passing):
                    raise
                logger.exception("greenroom: a pool worker failed; please report this")
                cell, self.cell = self.cell, None
                if cell is not None:
                    drive(life.crashed(cell, InternalError("the turn failed outside of the actor's code")))
                    cell.end_turn()

    def _new_strand(self) -> Strand:
        strand = Strand(lambda: run(self), self._root)
        strand.worker = self
        return strand

    new_parker = staticmethod(_GreenletParker)

    def park(self, strand: Strand) -> None:
        """Leave `strand` in the middle of its turn and go on with another; return when it is resumed."""
        cell = self.cell
        self.parked += 1
        self.switches += 1
        if self.resumed:
            other = self.resumed.popleft()
            if other is strand:
                self.parked -= 1
                return
        elif self._strands:
            other = self._strands.pop()
        else:
            other = self._root  # a strand begun from here would begin at this depth of recursion; the root begins it at its own
        other.switch()
        self.parked -= 1
        self.switches += 1
        self.cell = cell

    def switch(self) -> bool:
        """Let the handler that was resumed first go on; the calling strand is idle then."""
        here: Any = getcurrent()
        strand = self.resumed.popleft()
        self.cell = None
        if len(self._strands) >= SPARE_STRANDS:
            self._next = strand
            return False
        self._strands.append(here)
        strand.switch()
        return True

    def resume(self, strand: Strand) -> None:
        """Queue a parked strand to go on. From any thread, once a wait."""
        self.resumed.append(strand)
        if self.asleep:
            self.rouse()

    # -- sleeping ----------------------------------------------------------------------------------------------------------

    def rest(self) -> bool:
        """Sleep until there is something to do; return False to end the strand."""
        self.cell = None
        pool = self.pool
        if self.ended and not self.parked:
            return False
        self.asleep.append(None)
        serves = self.cells is not _NOTHING
        if serves:
            pool.sleepers.append(self)
        # Invariant: asleep is announced before this look; whoever adds work looks for sleepers after adding it.
        if self.cells or self.resumed or (self.ended and not self.parked):
            try:
                self.asleep.pop()
            except IndexError:
                self._sleep.acquire()  # woken at this very moment
        else:
            self._sleep.acquire()
        if serves:
            if self in pool.sleepers:  # else whoever woke it took it out; an exception here would cost as much as the sleep
                with contextlib.suppress(ValueError):
                    pool.sleepers.remove(self)
            if self.cells is _NOTHING and pool.queue and pool.sleepers:
                pool.wake()  # it lost the queue while it fell asleep; the wake was meant for whoever has it now
            if not pool.watcher.awake:
                pool.watcher.work_begins()
        return not self.ended or bool(self.parked or self.resumed)

    def rouse(self) -> None:
        """Wake the worker if it sleeps. From any thread."""
        try:
            self.asleep.pop()
        except IndexError:
            return
        self._sleep.release()


class Pool:
    """The run queue and its workers."""

    def __init__(self, system: Runtime) -> None:
        self.system = system
        self.queue: deque[Cell] = deque()
        self.sleepers: list[Any] = [self]  # the pool itself stands for the first worker, not started yet
        self.lock = threading.Lock()  # guards roles: `active`, `workers`, `spares`, `ended`
        self.active: PoolWorker | None = None
        self.workers: list[PoolWorker] = []
        self.ended = False
        self.blocking = BlockingWorkers(system)
        self.watcher = Watcher(self)
        self._lanes: dict[type, Lane] = {}

    def lane(self, actor_class: type) -> Lane:
        """Return the lane of a class."""
        lane = self._lanes.get(actor_class)
        return lane if lane is not None else self._lanes.setdefault(actor_class, Lane(self))

    def wake(self) -> None:
        """Wake the active worker."""
        try:
            sleeper = self.sleepers.pop()
        except IndexError:
            return
        if sleeper is self:
            self.take_over(None)
        else:
            sleeper.rouse()

    def retire(self, cell: Cell) -> None:
        """Nothing is kept for a cell."""

    def check_turns(self) -> None:
        """There are turns as long as the system lives."""

    def take_over(self, stuck: PoolWorker | None) -> bool:
        """Give the run queue to another worker than `stuck`; False if `stuck` does not have it any more."""
        with self.lock:
            if self.active is not stuck or self.ended:
                return False
            worker = next((one for one in self.workers if one.cells is _NOTHING and one.asleep and not one.parked), None)
            if worker is None:
                worker = PoolWorker(self, len(self.workers))
                worker.thread.start()  # before it is given the queue: there may be no thread to be had
                self.workers.append(worker)
            if stuck is not None:
                stuck.cells = _NOTHING
            self.active = worker
            worker.cells = self.queue
        worker.rouse()
        self.watcher.work_begins()
        return True

    def move_class(self, actor_class: type) -> None:
        """Let the actors of `actor_class` run on the blocking workers from now on."""
        lane = self.lane(actor_class)
        lane.host = self.blocking
        # Those that wait for a turn here go there. Any that a sender is just putting into the old queue runs here once more.
        for _ in range(len(self.queue)):
            try:
                cell = self.queue.popleft()
            except IndexError:
                return
            host = cell.lane.host
            host.queue.append(cell)
            if host.sleepers:  # also here: the worker may have fallen asleep while the queue was empty
                host.wake()

    def threads(self) -> int:
        """Return how many threads the pool has."""
        return len(self.workers) + self.blocking.count()

    def parked(self) -> int:
        """Return how many handlers are parked."""
        return sum(worker.parked for worker in self.workers)

    def shutdown(self, timeout: float) -> None:
        """End all threads that are not stuck in a handler."""
        with self.lock:
            self.ended = True
            workers = list(self.workers)
            for worker in workers:
                worker.ended = True
        self.watcher.stop()
        for worker in workers:
            worker.rouse()
        self.blocking.shutdown()
        deadline = time.monotonic() + timeout
        everyone: list[PoolWorker | BlockingWorker] = [*workers, *self.blocking.workers()]
        for one in everyone:
            if one.thread is threading.current_thread():
                continue
            # A thread that is stuck in an abandoned handler is left behind; nobody waits for it.
            while one.thread.is_alive() and time.monotonic() < deadline and not abandoned(one.cell):
                one.thread.join(0.01)
