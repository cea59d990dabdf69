"""Ends what has no end: a handler or a check that loops without ever waiting would keep its simulation, and the test, for ever."""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # no stubs; `signal` turns numbers into enums on every call, a tenth of a short run
import signal
import threading
import time
from typing import TYPE_CHECKING, Any

from actors.testing.errors import EndlessStepError, SimulationOver, line_outside

if TYPE_CHECKING:
    from types import FrameType

    from actors.testing.world import World

__all__ = ["Watchdog"]

MOST = 1e6  # seconds; the system's timer takes no more
TICKS = 4  # in the time that a step may take


class Watchdog:
    """Looks now and then, by the processor's clock, whether the world is still at the same step, check or unwinding.

    A timer signal and no thread: its handler runs on the simulation's own thread, in the frame of whatever has no end, so that there is
    no moment between looking and raising in which the step could end. Signals reach the main thread only, and there is none of this
    kind on Windows: elsewhere nobody watches.

    Args:
        world: whose steps are watched.
        seconds: of processor time that a step may take; None: as long as it likes.

    Raises:
        ValueError: `seconds` is nothing of the kind.
    """

    def __init__(self, world: World, seconds: float | None) -> None:
        if seconds is not None and (not isinstance(seconds, int | float) or isinstance(seconds, bool) or not 0 < seconds < MOST):
            msg = f"Simulation.step_seconds={seconds!r} is not valid: seconds, more than 0, or None"
            raise ValueError(msg)
        self._world = world
        self._seconds = seconds
        self._seen: tuple[int, str, int] | None = None  # what was under way
        self._begin = 0.0  # the thread's processor time when it was first seen
        self._raised = False  # whether it was told to end
        self._before: tuple[Any, tuple[float, float]] | None = None  # whose signal it was

    def start(self) -> None:
        """Begin to watch."""
        if self._seconds is not None and hasattr(signal, "setitimer") and threading.get_ident() == threading.main_thread().ident:
            tick = self._seconds / TICKS
            handler = _signal.signal(signal.SIGVTALRM, self._tick)
            self._before = handler, _signal.setitimer(signal.ITIMER_VIRTUAL, tick, tick)

    def stop(self) -> None:
        """Give the signal back to whoever had it before."""
        if self._before is not None:
            handler, timer = self._before
            _signal.setitimer(signal.ITIMER_VIRTUAL, *timer)
            _signal.signal(signal.SIGVTALRM, handler if handler is not None else signal.SIG_DFL)
            self._before = None

    def _tick(self, _: int, frame: FrameType | None) -> None:
        world, now = self._world, time.thread_time()  # the signal comes by the time of all threads
        under_way = world.under_way
        if under_way is None or under_way != self._seen:
            self._seen, self._begin, self._raised = under_way, now, False
        elif self._seconds is not None and now - self._begin >= self._seconds:
            self._begin = now
            if world.unwound or self._raised:
                world.leave()
            self._raised = True
            cell = world.at_work.cell
            where = line_outside(frame) if frame is not None else "an unknown line"
            world.broken(EndlessStepError(cell.path if cell is not None else "", where, self._seconds, world.checked))
            raise SimulationOver
