"""Turns: the loop that hands an actor its messages, one at a time. The hot path of every dispatcher but the event loop.

`run` is one loop in one greenlet. A handler that waits in one of the framework's own primitives parks that greenlet in the middle of
its turn; the worker then goes on with another greenlet that runs this same loop.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Protocol

from pykka._introspection import get_attr_directly
from pykka.messages import ProxyCall, ProxyGetAttr, ProxySetAttr, _ActorStop

from actors._core import fates, life
from actors._core.context import in_context
from actors._core.events import DeadLetterReason
from actors._core.high_water import look
from actors._core.messages import IDLE, STOP, WRAPPED, Entry, Note, Stashed
from actors._core.reply import close_handles
from actors._core.reports import hide_own_frames, watch_reading
from actors._core.supervision import may_come_again
from actors._core.tracing import arrived
from actors.errors import DeadlineExceeded, InternalError

if TYPE_CHECKING:
    from collections import deque
    from collections.abc import Generator

    from actors._core.cell import Cell
    from actors._core.future import Future

__all__ = ["Worker", "accept", "answered", "drive", "execute", "failed", "refused", "run"]

logger = logging.getLogger("pykka")


class Worker(Protocol):
    """Who runs `run`: where cells come from and what to do when there are none."""

    cells: deque[Cell]
    cell: Cell | None
    resumed: deque[Any]
    turn: int

    def switch(self) -> bool:
        """Let a resumed greenlet go on; return False if the calling one shall end."""

    def rest(self) -> bool:
        """Wait for something to do; return False to end the loop."""


class TurnOver(BaseException):  # a way out of the loop, not an error
    """Ends a turn whose cell is closed: what is left in its queue is not for the actor."""


def run(worker: Worker) -> None:  # noqa: C901, PLR0912, PLR0915  # the hot path: a call costs as much as a message
    """Give turns to cells until the worker's `rest` says to end."""
    resumed = worker.resumed
    turns = range(worker.turn - 1)
    while True:
        if resumed:
            cell = queue = receiver = entry = None  # an idle strand keeps nothing alive
            if not worker.switch():
                return
        try:
            cell = worker.cells.popleft()
        except IndexError:
            cell = queue = receiver = entry = None  # an idle worker keeps nothing alive
            if worker.rest():
                continue
            return
        worker.cell = cell
        if cell.control:
            queue = receiver = entry = None  # a restart is not to hold the old instance while it makes the new one
            if not drive(life.attend(cell)):
                cell.end_turn()
                continue
        queue = cell.queue
        receiver = cell.receiver
        try:
            # The first message stands outside of the loop: most turns have only one, and a loop costs as much as a message.
            if queue:
                cell.current = entry = queue.popleft()
                cell.handled += 1
                if type(entry) in WRAPPED:
                    perform(cell, entry)
                else:
                    receiver.on_receive(entry)
                if queue and not cell.control:
                    for _ in turns:
                        cell.current = entry = queue.popleft()
                        cell.handled += 1
                        if type(entry) in WRAPPED:
                            perform(cell, entry)
                        else:
                            receiver.on_receive(entry)
                        if not queue or cell.control:
                            break
                cell.current = IDLE
        except BaseException as error:  # every kind has its place in the life of an actor
            if isinstance(error, cell.system.ports.passing):
                cell.current = IDLE
                cell.end_turn()
                raise
            if type(error) is not TurnOver:
                drive(life.crashed(cell, error))
            cell.current = IDLE
            cell.end_turn()
            continue
        if queue:
            look(cell)
            cell.requeue()
        else:
            if cell.rare is not None and cell.rare.crowded:
                look(cell)
            cell.token.append(cell)
            # Invariant: the token is back before this look, and senders append before they look for the token. Whatever was
            # appended too late for the loop above is seen here or has its sender queue the cell.
            if cell.queue or cell.control:
                cell.rouse()


def drive(steps: Generator[Any, Any, Any]) -> Any:
    """Run the steps of a life event where hooks are plain functions."""
    try:
        next(steps)
    except StopIteration as stop:
        return stop.value
    msg = "an async hook on a dispatcher for plain handlers"
    raise InternalError(msg)


def perform(cell: Cell, entry: Any) -> None:
    """Handle an entry that is more than a bare message."""
    accepted = accept(cell, entry)
    if accepted is None:
        return
    message, future, note = accepted
    if message is STOP:
        cell.handled -= 1  # a marker, not a message
        drive(life.stop(cell, future))
        raise TurnOver
    if future is None:
        execute(cell, message)
    else:
        cell.reply = future
        # A failure's traceback holds this frame: it must not hold the future, which holds the failure.
        entry = accepted = future = None
        try:
            value = execute(cell, message)
        except Exception as error:
            if isinstance(error, cell.system.ports.passing) or not failed(cell, cell.current, error):
                raise
        else:
            answered(cell, value)
    if note is not None:
        note.delivered(cell)


def accept(cell: Cell, entry: Any) -> tuple[Any, Future[Any] | None, Note | None] | None:
    """Unwrap `entry`; return None if its message must not be handled any more, having told whom it concerns."""
    if type(entry) is not Entry:
        return (STOP, None, None) if type(entry) is _ActorStop else (entry, None, None)
    message, future, note = entry[:3]
    if type(message) is _ActorStop:
        message = STOP
    if future is not None and future.done() and message is not STOP:
        refused(cell, message, DeadLetterReason.CANCELLED)
        return None
    if len(entry) > 3 and message is not STOP and not arrived(cell, message, entry[3], entry[4]):  # noqa: PLR2004  # a traced entry
        if note is not None:
            note.stale(cell)
        refused(cell, message, DeadLetterReason.STALE_SENDER)
        return None
    if note is not None:
        if note.fenced(cell):
            refused(cell, message, note.fate)
            return None
        if note.expires is not None and note.expired(cell):
            if future is not None:
                future.try_fail(DeadlineExceeded(cell.label(), message))
            refused(cell, message, DeadLetterReason.EXPIRED)
            return None
    return message, future, note


def refused(cell: Cell, message: Any, reason: DeadLetterReason | None) -> None:
    """Account for a message that was taken out of the mailbox and is not handled; without a `reason` it carried nothing."""
    cell.current = IDLE
    cell.handled -= 1
    if reason is not None:
        fates.dead_letter(cell, message, reason, own_turn=True)


def execute(cell: Cell, message: Any) -> Any:
    """Hand `message` to the actor and return what comes back."""
    kind = type(message)
    if kind not in WRAPPED:
        return cell.receiver.on_receive(message)
    actor = cell.actor
    if cell.rare is not None and cell.rare.timers is not None:
        cell.rare.timers.message_came()
    if kind is ProxyCall:
        method = get_attr_directly(actor, message.attr_path)
        return in_context(cell, lambda: method(*message.args, **message.kwargs))
    if kind is ProxyGetAttr:
        return get_attr_directly(actor, message.attr_path)
    if kind is ProxySetAttr:
        setattr(get_attr_directly(actor, message.attr_path[:-1]), message.attr_path[-1], message.value)
        return None
    msg = f"a {kind.__name__} reached a handler"
    raise InternalError(msg)


def answered(cell: Cell, value: Any) -> None:
    """Resolve the ask being handled, unless its handler took the reply handle."""
    future, cell.reply = cell.reply, None
    if future is not None:
        future.try_set(value)  # False: cancelled, or the actor was killed meanwhile; a late reply is fenced off


def failed(cell: Cell, entry: Any, error: Exception) -> bool:
    """Tell the asker that its message failed; the actor lives on, as in pykka. False for a crash: nobody asked, or its guard says so."""
    cell.reply = None
    stashed = type(entry) is Stashed
    if stashed:
        entry = entry.entry
    future = entry[1] if type(entry) is Entry else None
    if future is None:
        return False
    guard = cell.guard
    crashes = guard is not None and guard.ask_crashes and not stashed
    if crashes and may_come_again(cell, entry):
        return False  # the asker goes on waiting: the next incarnation may answer
    if stashed:
        _unstash(cell, entry)
    close_handles(cell, future)
    hide_own_frames(error)
    try:
        if logger.isEnabledFor(logging.INFO):
            logger.info(f"Exception returned from {cell.label()} to caller:", exc_info=error)
    finally:
        watch_reading(cell, future, error)
        future.try_fail(error)
    return not crashes


def _unstash(cell: Cell, entry: Entry) -> None:
    """Count an ask that failed after it was stashed as handled: its asker was told, it has no later."""
    stash = cell.extras().stash or ()
    for index, one in enumerate(stash):
        if one is entry:
            del stash[index]  # type: ignore[union-attr]
            cell.handled += 1
            return
