"""The watcher of a pool: notices handlers that block their worker, and has another take over.

A look that comes late proves little: others have kept the interpreter, for a garbage collection or by turns, and the worker may have
had no chance to go on. It hardly counts then. A needless takeover costs next to nothing; a class that is taken for a blocking one
without need is slower for good.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from actors._core.events import HandlerBlocked
from actors._core.messages import PROBE, Signal
from actors.dispatch.stacks import stacks_of

if TYPE_CHECKING:
    from actors._core.cell import Cell
    from actors.dispatch.pool import Pool, PoolWorker

__all__ = ["Watcher"]

LOOK_EVERY = 0.004  # seconds between two looks
LATE = 2 * LOOK_EVERY  # seconds from one look to the next
DOUBTFUL = LOOK_EVERY / 4  # seconds that a late look counts for
LINGER = 0.1  # seconds without work after which the watcher sleeps


class _Suspect:
    """A handler that kept its worker from one look to the next."""

    __slots__ = ("cell", "looks", "seconds", "switches", "worker")

    def __init__(self, worker: PoolWorker, cell: Cell) -> None:
        self.worker = worker
        self.cell = cell
        self.switches = worker.switches
        self.looks = 0
        self.seconds = 0.0  # blocked for so long, as far as the looks prove it

    def at_it(self) -> bool:
        """Tell whether the worker has passed no message boundary since: then the probe would have been taken."""
        worker, cell = self.worker, self.cell
        return worker.cell is cell and worker.switches == self.switches and any(one.signal is Signal.PROBE for one in cell.control)


class Watcher:
    """Looks whether the active worker gets on; asleep when there is nothing to do."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._thread: threading.Thread | None = None
        self._work = threading.Event()
        self._ended = False
        self.awake = False  # what `_work` says, for workers that have no time for a call

    def work_begins(self) -> None:
        """Look closely from now on. Called whenever the active worker wakes."""
        with self._pool.lock:
            self.awake = True
            if self._thread is None and not self._ended:
                self._thread = threading.Thread(target=self._run, name="greenroom-watcher", daemon=True)
                self._thread.start()
        self._work.set()

    def stop(self) -> None:
        """End the thread."""
        with self._pool.lock:
            self._ended = True
            thread = self._thread
        self._work.set()
        if thread is not None:
            thread.join(timeout=1.0)

    def _run(self) -> None:
        pool = self._pool
        seen: _Suspect | None = None  # the handler that the active worker was at when it was looked at last
        suspects: list[_Suspect] = []  # those whose queue another worker has
        last = quiet_since = time.monotonic()
        while not self._ended:
            time.sleep(LOOK_EVERY)
            now = time.monotonic()
            proved, last = now - last if now - last < LATE else DOUBTFUL, now
            suspects = [one for one in suspects if self._still(one, proved)]
            worker = pool.active
            cell = worker.cell if worker is not None else None
            if worker is None or cell is None:
                seen = None
                if not suspects and now - quiet_since > LINGER and pool.sleepers:
                    self._sleep()
                    last = quiet_since = time.monotonic()
                continue
            quiet_since = now
            if seen is None or seen.worker is not worker or seen.cell is not cell or not seen.at_it():
                seen = _Suspect(worker, cell)
                self._post(cell)
                continue
            seen.looks += 1
            seen.seconds += proved
            if (proved > DOUBTFUL or seen.looks > 1) and pool.take_over(worker):
                suspects.append(seen)
                seen = None

    def _sleep(self) -> None:
        """Sleep until the active worker wakes."""
        self._work.clear()
        self.awake = False
        # Invariant: noted before this look; a waking worker takes itself out of `sleepers` before it looks at `awake`.
        if self._pool.sleepers and not self._ended:
            self._work.wait()
        self.awake = True

    @staticmethod
    def _post(cell: Cell) -> None:
        """Put a probe into the control lane, in place of one that was never looked at. Does not queue the cell."""
        with cell.system.lock:
            cell.control = (*(one for one in cell.control if one.signal is not Signal.PROBE), PROBE)

    def _still(self, suspect: _Suspect, proved: float) -> bool:
        """Tell whether a suspected handler has to be looked at again; report it once it has been blocked for long enough."""
        if not suspect.at_it():
            return False
        suspect.seconds += proved
        system = self._pool.system
        if suspect.seconds < system.config.blocked_after:
            return True
        worker, cell = suspect.worker, suspect.cell
        (stack,) = stacks_of([worker.thread])
        if cell.lane.host is self._pool:
            self._pool.move_class(cell.actor_class)
            system.events.publish(HandlerBlocked(cell.ref, cell.actor_class, suspect.seconds, stack))
        return False
