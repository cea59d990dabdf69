"""The door of the logging actor: what a log call finds when lines pile up, and who wakes whom."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import TYPE_CHECKING, Any

from actors._core.desk import DESK
from actors.logs.levels import level_number
from actors.logs.losses import Losses, Why, told
from actors.logs.overload import Mode
from actors.logs.own import emergency

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors._core.cell import Cell
    from actors.logs.overload import Overload

__all__ = ["DRAIN", "Door"]

NOTHING_KEPT = 1 << 30


class _Drain:
    def __repr__(self) -> str:
        return "<drain>"


DRAIN = _Drain()


class Door:
    """See the module's docstring. Callers come from any thread.

    Args:
        overload: where the modes begin.
        wake: has the logging actor look into the queue.
        threads: of the logging actor and its sinks, which never wait here.
    """

    def __init__(self, overload: Overload, wake: Callable[[], object], threads: set[Any]) -> None:
        self._overload = overload
        self._keep = level_number(overload.keep)
        self._wake = wake
        self._threads = threads
        # Invariant: who pops the claim wakes the logging actor, which puts it back when it finds nothing more and goes to sleep.
        self._claim: list[None] = [None]
        self._waiting: dict[threading.Lock, None] = {}  # of callers in sync mode, each with a lock that it waits for
        self._over = False  # whether nobody counts any more what is refused
        self.losses = Losses()
        self.refused = 0  # under the lock of `_counting`
        self._counting = threading.RLock()  # as in `Losses`

    # -- called by log calls -----------------------------------------------------------------------------------------------

    def pressed(self, *, waits: bool = True) -> None:
        """See to it that the queue is attended to, and slow the caller down if it is long, and if it `waits`."""
        if DESK.calm < 0 and self.claim():
            self._wake()
        waiting, overload = len(DESK.queue), self._overload
        if waiting >= overload.flush_at:
            self._refuse_below(NOTHING_KEPT)
        elif waiting >= overload.drop_at:
            self._refuse_below(max(DESK.refusing, self._keep))
        elif waiting > overload.sync_at and waits and self._may_wait():
            self._wait()

    def _refuse_below(self, no: int) -> None:
        known, DESK.refusing = DESK.refusing, no
        # Invariant: whoever follows this door sets `pressed` first and `refusing` then: one of both sees the other.
        if DESK.pressed != self.pressed:
            DESK.refusing = 0
        elif known < no:
            self._wake()  # an interrupt may have come between the claim and the wake

    def _wait(self) -> None:
        """Wait until there is room, or for as long as a call may."""
        self._wake()  # an interrupt may have come between the claim and the wake
        # A lock for each, and no event that all share: a finalizer or signal handler may log, and wait, in the middle of this.
        mine = threading.Lock()
        mine.acquire()
        self._waiting[mine] = None
        # Invariant: noted before this look. The logging actor takes lines out before it lets go of those who wait: one of both is seen.
        try:
            if len(DESK.queue) > self._overload.sync_at:
                mine.acquire(timeout=self._overload.patience)
        finally:
            self._waiting.pop(mine, None)

    def _may_wait(self) -> bool:
        if threading.current_thread() in self._threads:
            return False
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return True
        return False

    def refuse(self, no: int, cell: Cell | None) -> None:
        """Count a line that is not even taken down."""
        with self._counting:
            self.refused += 1
        why = Why.FLUSH if no >= self._keep else Why.OVERLOAD
        self.losses.add(why, no, cell.path if cell is not None else "")
        # Invariant: counted before this look. Whoever closes the door says so first, and takes the counts then.
        if self._over and (counts := self.losses.take()):
            emergency(told(counts)[0])
        if DESK.calm < 0 and self.claim():
            self._wake()

    # -- called by the logging actor ---------------------------------------------------------------------------------------

    def claim(self) -> bool:
        """Take the duty to wake, or to be, the logging actor; False if somebody has it."""
        try:
            self._claim.pop()
        except IndexError:
            return False
        DESK.calm = self._overload.sync_at
        if DESK.pressed != self.pressed:  # as in `_refuse_below`; that is right for whoever follows
            DESK.calm = -1
        return True

    def unclaim(self) -> None:
        """Give the duty back. Who does that looks into the queue afterwards."""
        DESK.calm = -1
        if not self._claim:  # only the logging actor gives it back
            self._claim.append(None)

    def overfull(self) -> bool:
        """Tell whether what waits is to be thrown away."""
        return len(DESK.queue) >= self._overload.flush_at

    def made_room(self) -> None:
        """Let callers go on: lines were taken out."""
        waiting = len(DESK.queue)
        if waiting <= self._overload.sync_at:
            while self._waiting:
                try:
                    self._waiting.popitem()[0].release()
                except KeyError:  # the last one has just gone on by itself
                    break
        if DESK.refusing and waiting < self._overload.drop_at:
            DESK.refusing = 0

    def close(self) -> dict[tuple[Why, int, str], int]:
        """Return what was counted last; what is refused from now on is told on stderr."""
        self._over = True
        return self.losses.take()

    def mode(self) -> Mode:
        """Return what a call does at this moment."""
        if DESK.refusing:
            return Mode.FLUSH if DESK.refusing == NOTHING_KEPT else Mode.DROP
        return Mode.SYNC if len(DESK.queue) > self._overload.sync_at else Mode.ASYNC


class Ordered:
    """Takes lines in the strict order of their time: the time is taken where the line gets its place, under a lock."""

    def __init__(self) -> None:
        self._lock = threading.RLock()  # as in `Losses`
        self._last = 0.0  # under _lock

    def append(self, line: tuple[Any, ...]) -> None:
        """Take a line, with the time of this moment; no two have the same microsecond."""
        with self._lock:
            made: tuple[Any, ...] = ()
            while not made or self._last != made[0]:
                self._last = now = max(time.time(), self._last + 2e-6)
                made = (now, *line[1:])
            DESK.queue.append(made)
