"""Failures as others get to see them: cleared of what is not theirs, and told to those who did not wait for them."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING, Any

from actors.errors import ActorStartError

if TYPE_CHECKING:
    from types import FrameType

    from actors._core.cell import Cell
    from actors._core.future import Future

__all__ = ["hide_own_frames", "release_locals", "start_error", "watch_reading"]

# Modules whose frames tell the reader of a failure nothing.
_OWN = {"actors._core.turn", "actors._core.context", "actors._core.receivers", "actors._core.tracing", "actors.dispatch.runner"}
_CHAIN = 50  # failures behind a failure that are looked at


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


def hide_own_frames(error: BaseException) -> None:
    """Let the traceback of a failure begin with the handler, or the hook, that it came out of."""
    traceback = error.__traceback__
    while traceback is not None and traceback.tb_frame.f_globals.get("__name__") in _OWN:
        traceback = traceback.tb_next
    error.__traceback__ = traceback or error.__traceback__


def release_locals(error: BaseException) -> None:
    """Let go of the local variables of the functions that a failure came out of, and what it came from.

    Whoever keeps the failure, as a supervisor does, keeps its frames; and these hold the instance it has ended, with whatever that has.
    Lines and names stay.
    """
    failure: BaseException | None = error
    for _ in range(_CHAIN):
        if failure is None:
            return
        step = failure.__traceback__
        while step is not None:
            _empty(step.tb_frame)
            step = step.tb_next
        failure = failure.__cause__ or failure.__context__


def _empty(frame: FrameType) -> None:
    # Only a frame that is over has its code itself. To clear one of a coroutine that caught the failure and now waits for something
    # else would end that coroutine, before Python 3.13.
    code, over, copied = frame.f_code, False, False
    for one in gc.get_referents(frame):
        over = over or one is code
        copied = copied or type(one) is dict
    if over:
        frame.clear()
        if copied:
            _ = frame.f_locals  # brings the copy that somebody has asked for up to date, before Python 3.13


def start_error(cell: Cell) -> ActorStartError:
    """Return the error for a spawn whose actor ended before it was running."""
    cause = cell.end[1] if cell.end is not None else None
    failure = ActorStartError(cell.label(), cause)
    failure.__cause__ = cause
    return failure
