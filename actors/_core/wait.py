"""A wait of the calling thread or handler for futures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from actors._core.context import current_cell
from actors._core.deadlock import begin_wait
from actors._core.messages import Signal
from actors._core.seconds import check_timeout
from actors.errors import ActorKilled

if TYPE_CHECKING:
    from actors._core.future import Future

__all__ = ["wait_for_one"]


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
        # Invariant: a killer posts to the control lane and then looks for a wait to end; this wait is noted before this look.
        if cell is not None and cell.control and any(control.signal is Signal.KILL for control in cell.control):
            parker.throw(ActorKilled())  # raised by `park`: a wait that others see is entered
        for future in futures:
            future._listen(wake)
        return parker.park(timeout)
    finally:
        if cell is not None:
            cell.wait = None
        for future in futures:
            if not future.done():
                future._forget(wake)
