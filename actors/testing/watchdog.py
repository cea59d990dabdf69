"""Ends a step that has no end: a handler that loops without ever waiting would keep its simulation, and the test, for ever."""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # no stubs; `signal` turns numbers into enums on every call, a tenth of a short run
import signal
import threading
from typing import TYPE_CHECKING, Any

from actors.testing.errors import EndlessStepError, SimulationOver, line_outside

if TYPE_CHECKING:
    from types import FrameType

    from actors.testing.world import World

__all__ = ["Watchdog"]

TICKS = 4  # in the time that a step may take; that it may be late by one


class Watchdog:
    """Looks now and then, by the processor's clock, whether the world is still at the same step.

    A timer signal and no thread: its handler runs on the simulation's own thread, in the frame of whatever has no end, so that there is
    no moment between looking and raising in which the step could end. Signals reach the main thread only, and there is none of this
    kind on Windows: elsewhere nobody watches.

    Args:
        world: whose steps are watched.
        seconds: of processor time that a step may take.
    """

    def __init__(self, world: World, seconds: float) -> None:
        self._world = world
        self._seconds = seconds
        self._step = 0
        self._ticks = 0  # seen in this step
        self._before: tuple[Any, tuple[float, float]] | None = None  # whose signal it was

    def start(self) -> None:
        """Begin to watch."""
        if hasattr(signal, "setitimer") and threading.get_ident() == threading.main_thread().ident:
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
        world = self._world
        if not world.in_step or world.steps != self._step:
            self._step, self._ticks = world.steps, 0
        self._ticks += 1
        if world.in_step and self._ticks > TICKS:
            self._ticks = 0
            cell = world.at_work.cell
            where = line_outside(frame) if frame is not None else "an unknown line"
            world.broken(EndlessStepError(cell.path if cell is not None else "a coroutine", where, self._seconds))
            raise SimulationOver
