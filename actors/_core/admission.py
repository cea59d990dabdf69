"""Admission: how an entry gets into a mailbox when the short way of `tell` does not do.

The mailbox may be cold (not made yet, or given back), closed, or taken out of use under a sender's hands.
"""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING, Any

from actors._core import fates
from actors._core.bounded import BoundedMailbox
from actors._core.doors import CLOSED, COLD, Door, Shut
from actors._core.lifecycle import Lifecycle
from actors._core.ports import touched
from actors.errors import ActorDeadError

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors._core.cell import Cell

__all__ = ["admit", "cool", "post", "settle", "warm"]

_settling = threading.RLock()  # see `settle`; taken only where a mailbox was taken out of use under a sender's hands


def renew() -> None:
    """Make the module's lock anew, in a forked child."""
    global _settling  # noqa: PLW0603
    _settling = threading.RLock()


def admit(cell: Cell, entry: Any) -> None:
    """Take `entry` where the door said no: wake a cold mailbox, or refuse.

    Raises:
        ActorDeadError: the mailbox is closed.
    """
    while True:
        warm(cell)
        inbox = cell.inbox
        if inbox is CLOSED:
            touched(cell.system.ports, cell)
            message = cell.unwrap(entry)[0]
            label = cell.label()
            raise ActorDeadError(f"{label} not found", label, message)
        try:
            inbox.append(entry)
        except Shut:
            if isinstance(inbox, Door) and inbox.refuse(entry):
                return
            continue
        if cell.inbox is not inbox:
            settle(cell, inbox)
        return


def warm(cell: Cell) -> None:
    """Give a cold actor its mailbox."""
    if cell.inbox is COLD:
        dispatcher = cell.system.ports.dispatcher
        built = cell.options.mailbox.build(cell) if dispatcher is None else dispatcher.mailbox(cell)
        idlest = None
        with cell.system.lock:
            if cell.inbox is COLD:
                cell.queue = deque() if built is None else built
                cell.inbox = cell.system.door_of(cell)
                idlest = cell.system.warmed(cell)
        if idlest is not None and not cool(idlest):
            cell.system.keep_warm(idlest)


def cool(cell: Cell) -> bool:
    """Give the mailbox of an idle actor back; False if the actor is busy."""
    try:
        cell.token.pop()
    except IndexError:
        return cell.inbox is CLOSED
    # Invariant: the door changes before the look into the queue, and senders append before they look at the door: what this
    # look does not see, its sender settles. Nobody gets past a cold door while the lock is held, and an end that comes without
    # the token (of a killed actor whose turn does not come) has changed the state under the lock before it shuts the door.
    with _settling, cell.system.lock:
        queue = cell.queue
        if type(queue) is deque and cell.state is Lifecycle.RUNNING:
            inbox, cell.inbox = cell.inbox, COLD
            if queue:
                cell.inbox = inbox
            else:
                cell.queue = ()
    cell.token.append(cell)
    if cell.queue or cell.control:
        cell.rouse()
    return cell.inbox is COLD


def settle(cell: Cell, inbox: Any) -> None:
    """Look after entries that reached `inbox` after it was taken out of use.

    Called by a sender that found `cell.inbox` changed after its append. The lock makes taking an entry out and putting it where it
    belongs one step, so that a sender whose entry another one settles does not overtake it with its next.
    """
    if type(inbox) is not deque:
        inbox = getattr(inbox, "queue", inbox)
    if isinstance(inbox, BoundedMailbox):
        return  # its own lock orders sends and close
    refused: list[Any] = []
    with _settling:
        _settle(cell, inbox, refused)
    for entry in refused:  # runs callbacks of users: no lock is held
        fates.refuse(cell, entry)


def _settle(cell: Cell, inbox: deque[Any], refused: list[Any]) -> None:
    while inbox and cell.queue is not inbox:
        try:
            entry = inbox.popleft()
        except IndexError:
            return
        if not _put(cell, entry, lambda moved: _settle(cell, moved, refused)):
            refused.append(entry)


def post(cell: Cell, entry: Any) -> bool:
    """Put an entry that no bound holds back into the user lane; return False if the mailbox is closed.

    For stops, ticks, notices and piped results.
    """
    if not _put(cell, entry, lambda moved: settle(cell, moved)):
        return False
    cell.rouse()
    return True


def _put(cell: Cell, entry: Any, settle_moved: Callable[[Any], None]) -> bool:
    while True:
        inbox = cell.inbox
        if inbox is COLD:
            warm(cell)
            continue
        if inbox is CLOSED:
            return False
        try:
            (inbox.append if type(inbox) is deque else inbox.exempt)(entry)
        except Shut:
            continue
        if cell.inbox is not inbox:
            settle_moved(inbox if type(inbox) is deque else getattr(inbox, "queue", inbox))
        return True
