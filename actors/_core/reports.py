"""What is told of failures to those who did not wait for them."""

from __future__ import annotations

import inspect
import sys
from typing import TYPE_CHECKING, Any

from actors.errors import ActorStartError

if TYPE_CHECKING:
    from actors._core.cell import Cell
    from actors._core.future import Future

__all__ = ["release_locals", "start_error", "watch_reading"]

_CHAIN = 50  # failures behind a failure that are looked at
_SUSPENDS = inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR
_CLEARS_SUSPENDED = sys.version_info < (3, 13)  # `clear` ends a generator that only waits, rather than refuse


class _Unread:
    """Rides on a failed future; reports the failure if the future is dropped before anybody has read it."""

    __slots__ = ("_cell", "_error")

    def __init__(self, cell: Cell, error: BaseException) -> None:
        self._cell: Cell | None = cell
        self._error: BaseException | None = error

    def disarm(self) -> None:
        """Forget the failure: it has been read."""
        self._cell = self._error = None

    def __del__(self) -> None:
        cell, error = self._cell, self._error
        if cell is not None and error is not None:
            # Any code may be interrupted by this: it only appends to a queue that is safe from here.
            cell.system.unread(cell, error)


def watch_reading(cell: Cell, future: Future[Any], error: BaseException) -> None:
    """Have the failure reported if nobody ever reads it from `future`. Called before the future is failed."""
    if not future._waiters:
        future._unread = _Unread(cell, error)


def release_locals(error: BaseException) -> None:
    """Let go of the local variables of the functions that a failure came out of, and what it came from.

    Whoever keeps the failure, as a supervisor does, keeps its frames; and these hold the instance it has ended, with whatever that has.
    Lines and names stay. Before Python 3.13 coroutines and generators keep theirs: there one that merely waits cannot be told apart.
    """
    failure: BaseException | None = error
    for _ in range(_CHAIN):
        if failure is None:
            return
        step = failure.__traceback__
        while step is not None:
            if not (_CLEARS_SUSPENDED and step.tb_frame.f_code.co_flags & _SUSPENDS):
                try:  # noqa: SIM105  # contextlib.suppress costs more than all the rest
                    step.tb_frame.clear()
                except RuntimeError:  # it is still running
                    pass
            step = step.tb_next
        failure = failure.__cause__ or failure.__context__


def start_error(cell: Cell) -> ActorStartError:
    """Return the error for a spawn whose actor ended before it was running."""
    cause = cell.end[1] if cell.end is not None else None
    failure = ActorStartError(cell.label(), cause)
    failure.__cause__ = cause
    return failure
