"""What is told of failures to those who did not wait for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from actors.errors import ActorStartError

if TYPE_CHECKING:
    from actors._core.cell import Cell
    from actors._core.future import Future

__all__ = ["start_error", "watch_reading"]


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


def start_error(cell: Cell) -> ActorStartError:
    """Return the error for a spawn whose actor ended before it was running."""
    cause = cell.end[1] if cell.end is not None else None
    failure = ActorStartError(cell.label(), cause)
    failure.__cause__ = cause
    return failure
