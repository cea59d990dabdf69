"""The watcher of a pool: notices handlers that block their worker, and has another take over."""

from __future__ import annotations

import sys
import threading
import time
import traceback
from typing import TYPE_CHECKING

from actors._core.events import HandlerBlocked
from actors._core.messages import Control, Signal

if TYPE_CHECKING:
    from actors._core.cell import Cell
    from actors.dispatch.pool import Pool, PoolWorker

__all__ = ["Watcher"]

LOOK_EVERY = 0.004  # seconds between two looks
LINGER = 0.1  # seconds without work after which the watcher sleeps


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
        quiet_since = time.monotonic()
        probe: Control | None = None
        seen: tuple[PoolWorker, Cell, int] | None = None
        suspects: list[tuple[PoolWorker, Cell, int, float]] = []
        last = time.monotonic()
        while not self._ended:
            time.sleep(LOOK_EVERY)
            now = time.monotonic()
            late, last = now - last > 4 * LOOK_EVERY, now
            worker = pool.active
            cell = worker.cell if worker is not None else None
            suspects = [one for one in suspects if self._still(one, now)]
            if worker is None or cell is None:
                seen = None
                if not suspects and now - quiet_since > LINGER and pool.sleepers:
                    self._work.clear()
                    self.awake = False
                    # Invariant: noted before this look; a waking worker takes itself out of `sleepers` before it looks at `awake`.
                    if pool.sleepers and not self._ended:
                        self._work.wait()
                    self.awake = True
                    quiet_since = last = time.monotonic()
                continue
            quiet_since = now
            stuck = seen == (worker, cell, worker.switches) and probe in cell.control
            if stuck and not late and pool.take_over(worker):
                suspects.append((worker, cell, worker.switches, now - LOOK_EVERY))
                seen = None
                continue
            probe = Control(Signal.PROBE)
            seen = (worker, cell, worker.switches)
            self._post(cell, probe)

    @staticmethod
    def _post(cell: Cell, probe: Control) -> None:
        """Put a probe into the control lane, in place of one that was never looked at. Does not queue the cell."""
        with cell.system.lock:
            cell.control = (*(one for one in cell.control if one.signal is not Signal.PROBE), probe)

    def _still(self, suspect: tuple[PoolWorker, Cell, int, float], now: float) -> bool:
        """Tell whether a suspected handler has to be looked at again; report it once it has been blocked for long enough."""
        worker, cell, switches, since = suspect
        if worker.cell is not cell or worker.switches != switches or not any(c.signal is Signal.PROBE for c in cell.control):
            return False
        system = self._pool.system
        if now - since < system.config.blocked_after:
            return True
        frame = sys._current_frames().get(worker.thread.ident or 0)
        stack = "".join(traceback.format_stack(frame)) if frame is not None else ""
        if cell.lane.host is self._pool:
            self._pool.move_class(cell.actor_class)
            system.events.publish(HandlerBlocked(cell.ref, cell.actor_class, now - since, stack))
        return False
