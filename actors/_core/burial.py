"""What every end of an actor begins and finishes with, whatever comes between; and who asked to be told of it.

From the actor's own turn, or beside it when that never comes: of two who are at it, one does each step.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from actors._core import deadlock, watch
from actors._core.lifecycle import DownReason, Lifecycle, advance
from actors._core.supervision import ChildEvent
from actors.errors import ActorDeadError

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors._core.cell import Cell, Rare

__all__ = ["await_report", "begin_end", "bury", "cancel_deadlines", "end_children", "fail_handles", "finish", "tell_reports"]

logger = logging.getLogger("pykka")


def begin_end(cell: Cell, reason: DownReason, error: BaseException | None) -> bool:
    """Note that the cell ends; return False if it is ending already. Atomic: of two callers, one gets True, who closes the cell."""
    with cell.system.lock:
        if cell.end is not None:
            if reason is DownReason.KILLED and cell.state is Lifecycle.STOPPING:
                cell.end = (reason, error)  # a stop that was given up; the children are killed next
            return False
        cell.end = (reason, error)
        cell.state = advance(cell.state, Lifecycle.STOPPING)
        rare = cell.rare
    cell.system.unregister(cell)
    if reason is DownReason.STOPPED and logger.isEnabledFor(logging.DEBUG):
        logger.debug(f"Stopped {cell.label()}")
    if rare is not None and rare.timers is not None:
        rare.timers.cancel_all()
    if rare is not None and rare.alarms is not None:
        rare.alarms.cancel_all()
    return True


def fail_handles(cell: Cell) -> None:
    """Fail the asks that the actor still meant to answer."""
    if cell.rare is not None and cell.rare.handles:
        label = cell.label()
        for handle in tuple(cell.rare.handles):
            handle.fail(ActorDeadError(f"{label} stopped before it replied", label))


def bury(cell: Cell, reason: DownReason, error: BaseException | None) -> None:
    """End an actor that was never started: on no turn of its own, and with no hook."""
    if begin_end(cell, reason, error):
        cell.close(own_turn=False)
        finish(cell)


def finish(cell: Cell) -> None:
    """Tell everybody that the actor is gone. Runs once, with no child left."""
    with cell.system.lock:
        if cell.state is Lifecycle.STOPPED:
            return
        # Invariant: from now on its name is free, before anybody is told.
        cell.state = advance(cell.state, Lifecycle.STOPPED)
        # Invariant: who wants to be told puts its future here under the lock and only while the state is not STOPPED.
        futures, cell.mourners = cell.mourners, ()
        cell.system.warm.pop(cell, None)
    reason, error = cell.end or (DownReason.STOPPED, None)
    cell.actor = cell.receiver = None
    cell.args, cell.kwargs = (), None
    if cell.rare is not None:
        cell.rare.lineage = None  # lineages hold cells: those that have ended are not to hold more
        cancel_deadlines(cell.rare)
        watch.gone(cell, cell.rare, reason, error)
    cell.system.gone(cell, reason, error)
    tell_reports(cell)
    if cell.guard is not None:
        cell.guard.tell(ChildEvent.ENDED, reason, error)
    for future in futures:
        future.try_set(True)


def end_children(cell: Cell, rare: Rare) -> None:
    """Kill the children, or stop the next of them, or all of them together."""
    if cell.end is not None and cell.end[0] is DownReason.KILLED:
        if not rare.killed:
            rare.killed = True
            for child in cell.system.children_of(cell):
                cell.system.kill(child)
    elif not rare.together:
        cell.system.tree.stop_last(rare)
        deadlock.check_end(cell)
    elif rare.deadlines is None:
        cell.system.tree.stop_together(cell)


def cancel_deadlines(rare: Rare) -> None:
    timers, rare.deadlines = rare.deadlines, None
    for timer in timers or ():
        timer.cancel()


def await_report(cell: Cell, report: Callable[[], object]) -> None:
    rare = cell.extras()
    with cell.system.lock:
        over = cell.state is Lifecycle.STOPPED  # abandoned at this very moment: `finish` has told those it found
        if not over:
            rare.reports = (*rare.reports, report)
    if over:
        report()


def tell_reports(cell: Cell) -> None:
    """Tell whoever asked for a restart that it is over, one way or the other."""
    rare = cell.rare
    # Without the lock: who comes too late for this look, under the lock, sees the state that the cell has by then.
    if rare is not None and rare.reports:
        with cell.system.lock:
            reports, rare.reports = rare.reports, ()
        for report in reports:
            report()
