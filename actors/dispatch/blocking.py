"""Workers for the actors of classes that were seen blocking: each handler blocks its own thread, none parks."""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING, Any

from actors._core.context import bind
from actors._core.events import WorkersExhausted
from actors._core.turn import run
from actors.dispatch.stacks import stacks_of
from actors.dispatch.waiting import ThreadParker

if TYPE_CHECKING:
    from actors._core.cell import Cell
    from actors.runtime import Runtime

__all__ = ["BlockingWorker", "BlockingWorkers", "abandoned"]

LENT = 8  # times max_workers: threads at most, those whose handlers wait for other actors included


def abandoned(cell: Cell | None) -> bool:
    """Tell whether a worker that is at `cell` is stuck in a handler that was given up."""
    return cell is not None and cell.rare is not None and cell.rare.abandoned


class BlockingWorker:
    """A thread for the actors of blocking classes: its handlers block it, they never park."""

    def __init__(self, owner: BlockingWorkers, number: int) -> None:
        self.owner = owner
        self.turn = owner.system.config.turn
        self.cells = owner.queue
        self.cell: Cell | None = None
        self.resumed: deque[Any] = deque(maxlen=0)
        self.thread = threading.Thread(target=self._main, name=f"greenroom-blocking-{number}", daemon=True)

    def _main(self) -> None:
        bind(self)
        run(self)

    def lend_place(self) -> _LendingParker:
        """Return a parker that has another thread take this one's place meanwhile."""
        return _LendingParker(self.owner)

    def switch(self) -> bool:
        """Never needed: nothing parks here."""
        return True

    def rest(self) -> bool:
        """Sleep until a cell is queued."""
        self.cell = None
        return self.owner.rest()


class _LendingParker(ThreadParker):
    """Blocks a blocking worker's thread in a wait of the framework's own, which does not count against the cap."""

    def __init__(self, owner: BlockingWorkers) -> None:
        super().__init__()
        self._owner = owner

    def park(self, timeout: float | None) -> bool:
        """Block until woken, or for `timeout` seconds."""
        self._owner.lend(1)
        try:
            return super().park(timeout)
        finally:
            self._owner.lend(-1)


class BlockingWorkers:
    """Up to `max_workers` threads that serve the classes seen blocking, and as many more as wait for other actors, within LENT."""

    def __init__(self, system: Runtime) -> None:
        self.system = system
        self.queue: deque[Cell] = deque()
        self.sleepers: list[Any] = [self]  # never empty: a new cell may need a new thread, so every sender calls `wake`
        self._condition = threading.Condition()  # guards what follows
        self._workers: list[BlockingWorker] = []
        self._idle = 0
        self._lent = 0  # workers that wait for other actors
        self._told = False
        self._ended = False

    def wake(self) -> None:
        """See to it that a thread will take the cell just queued."""
        with self._condition:
            if self._ended:
                return
            # A worker that was notified counts as idle until it has the lock again: there must be one for each queued cell.
            if self._idle >= len(self.queue):
                self._condition.notify()
                return
            limit = self.system.config.max_workers
            full = len(self._workers) >= min(limit + self._lent, limit * LENT)
            if full:  # threads that are stuck in abandoned handlers are lost; they do not count
                lost = sum(1 for one in self._workers if abandoned(one.cell))
                full = len(self._workers) - lost >= min(limit + self._lent, limit * LENT)
            worker = None
            if not full:
                worker = BlockingWorker(self, len(self._workers))
                self._workers.append(worker)
            elif self._idle:
                self._condition.notify()
            tell = full and not self._told
            self._told = self._told or full
        if tell:
            self.system.ports.clock.soon(self._exhausted)
        if worker is not None:
            worker.thread.start()

    def retire(self, cell: Cell) -> None:
        """Nothing is kept for a cell."""

    def check_turns(self) -> None:
        """There are turns as long as the system lives."""

    def lend(self, change: int) -> None:
        """Note that a worker begins (1) or ceases (-1) to wait for another actor; a queued cell may get a thread in its place."""
        with self._condition:
            self._lent += change
            wanted = change > 0 and bool(self.queue)
        if wanted:
            self.wake()

    def rest(self) -> bool:
        """Wait for a cell; False when the pool ends."""
        with self._condition:
            if not self.queue:
                self._told = False
                self._idle += 1
                while not self.queue and not self._ended:
                    self._condition.wait()
                self._idle -= 1
            return bool(self.queue) or not self._ended

    def _exhausted(self) -> None:
        stacks = tuple(filter(None, stacks_of([worker.thread for worker in list(self._workers)])))
        self.system.events.publish(WorkersExhausted(self.system.config.max_workers, stacks))

    def count(self) -> int:
        """Return how many threads there are."""
        return len(self._workers)

    def workers(self) -> list[BlockingWorker]:
        """Return the workers."""
        with self._condition:
            return list(self._workers)

    def shutdown(self) -> None:
        """Let idle threads end."""
        with self._condition:
            self._ended = True
            self._condition.notify_all()
