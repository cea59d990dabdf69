"""The slow ways to send: with a deadline, and to a bounded mailbox with a limit of the wait, or without blocking."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from actors._core.admission import admit, warm
from actors._core.bounded import OWN, BoundedMailbox
from actors._core.context import current_cell, current_entry
from actors._core.doors import Shut
from actors._core.future import Future
from actors._core.isolation import hand_back
from actors._core.messages import Entry, Note
from actors._core.seconds import check_seconds
from actors.errors import ActorDeadError, Timeout

if TYPE_CHECKING:
    from actors._core.cell import Cell

__all__ = ["ask_at_once", "note_of", "send_async", "send_at_once", "send_within"]


def note_of(target: Cell, deadline: float | None) -> Note | None:
    """Return the note of a message with `deadline`, or with what is left of the asking handler's own."""
    if deadline is not None:
        return Note(target.system.ports.clock.now() + check_seconds("deadline", deadline))
    asker = current_cell()
    entry = current_entry(asker) if asker is not None else None
    if type(entry) is Entry:
        own = entry[2]
        if own is not None and own.expires is not None:
            return Note(own.expires)
    return None


def send_within(target: Cell, entry: Entry, timeout: float) -> float:
    """Send to a bounded mailbox, waiting at most `timeout` seconds for room; return how many of them are left."""
    clock = target.system.ports.clock
    begin = clock.now()
    try:
        target.inbox.append(entry, timeout)
    except Shut:
        admit(target, entry)
    target.rouse()
    return max(0.0, timeout - (clock.now() - begin))


def _offer(target: Cell, entry: Any) -> tuple[BoundedMailbox | None, Future[None] | None]:
    """Stand in line for room in a bounded mailbox; return that and the future of being let in. Twice None: it was sent at once."""
    warm(target)
    queue = target.queue
    if isinstance(queue, BoundedMailbox):
        try:
            admitted: Future[None] = target.inbox.offer(entry)
        except Shut:
            pass
        else:
            target.rouse()
            return queue, admitted
    target.ref.tell(entry)
    return None, None


def send_at_once(target: Cell, entry: Any) -> None:
    """Send without waiting: a full mailbox whose policy is to let senders wait refuses, too.

    Raises:
        ActorDeadError: the mailbox is closed.
        MailboxFullError: there is no room at this moment.
    """
    queue, admitted = _offer(target, entry)
    if queue is None or admitted is None:
        return
    if not admitted.done() and queue.withdraw(admitted):
        raise queue.full(entry, "at this moment")
    admitted.get()  # let in, at this very moment perhaps, or sent back because the actor ended
    target.rouse()


def ask_at_once(target: Cell, message: Any) -> Future[Any]:
    """Ask without waiting for room; return the future of the answer. Raises as `send_at_once`."""
    future: Future[Any] = Future()
    future._cell = target
    send_at_once(target, Entry((message, future, note_of(target, None))))
    return future


def _in_turn_of(cell: Cell) -> bool:
    """Tell whether this is a handler of `cell` itself, which takes no message before it has returned."""
    if current_cell() is not cell or cell.reentrant:
        return False
    runner = cell.rare.runner if cell.rare is not None else None
    return runner is not None and runner.here()  # not a task that the handler made: that may wait


async def send_async(target: Cell, entry: Entry, timeout: float | None = None) -> None:
    """Send, awaiting room in a bounded mailbox for at most `timeout` seconds."""
    queue, admitted = _offer(target, entry)
    if queue is None or admitted is None:
        return
    if not admitted.done() and _in_turn_of(target) and queue.withdraw(admitted):
        raise queue.full(entry, OWN)
    try:
        await _let_in(target, queue, entry, admitted, timeout)
    except ActorDeadError as error:
        hand_back(error, entry[0])
        raise
    target.rouse()


async def _let_in(target: Cell, queue: BoundedMailbox, entry: Entry, admitted: Future[None], timeout: float | None) -> None:
    """Await `admitted`, the admission of `entry`, as long as its sender has patience; withdraw it then."""
    seconds = queue.patience(entry, timeout)
    try:
        if seconds is None:
            await admitted
        else:
            await target.system.ports.awaiter.within(admitted, seconds)
    except Timeout:
        if queue.withdraw(admitted):
            raise queue.full(entry, f"for {seconds} seconds") from None
        await admitted  # let in at this very moment, or sent back because the actor ended
    except BaseException:
        queue.withdraw(admitted)
        raise
