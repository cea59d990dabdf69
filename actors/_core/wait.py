"""A wait of the calling thread or handler for futures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from actors._core.context import current_cell
from actors._core.deadlock import begin_wait, give_up_on_siblings
from actors._core.messages import Signal
from actors._core.seconds import check_timeout
from actors.errors import ActorKilled

if TYPE_CHECKING:
    from actors._core.cell import Cell
    from actors._core.future import Future
    from actors._core.ports import Parker

__all__ = ["wait_for_one"]


def _look_for_signals(cell: Cell, parker: Parker) -> None:
    """End a wait that a killer, or a supervisor, may not have seen.

    Invariant: they post to the control lane and then look for a wait to end; the wait is noted before this look.
    """
    for control in cell.control:
        if control.signal is Signal.KILL:
            parker.throw(ActorKilled())  # raised by `park`: a wait that others see is entered
        elif control.signal is Signal.TAKE_DOWN:
            give_up_on_siblings(cell)


def wait_for_one(futures: tuple[Future[Any], ...], timeout: float | None) -> bool:
    """Wait until one of `futures` has changed; return False after `timeout` seconds."""
    timeout = check_timeout(timeout)
    cell = current_cell()
    if cell is None:  # actors have their system's end at the latest; plain code might wait for ever
        for future in futures:
            if future._cell is not None:
                future._cell.lane.host.check_turns()
    waiter = (cell.system.ports if cell is not None else futures[0]._ports()).waiter
    parker = waiter.parker()
    wake = parker.wake
    if cell is not None:
        begin_wait(cell, parker, futures, finite=timeout is not None)
    else:
        parker.futures = futures
    try:
        if cell is not None and cell.control:
            _look_for_signals(cell, parker)
        for future in futures:
            future._listen(wake)
        return parker.park(timeout)
    finally:
        if cell is not None:
            cell.wait = None
        for future in futures:
            if not future.done():
                future._forget(wake)
