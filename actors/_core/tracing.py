"""Traced systems: every message carries where it came from.

A bare message travels as an exact tuple *(message, correlation, sender, sender's incarnation)*, an `Entry` has these three after its own
fields. Tracing is chosen when a cell gets its mailbox and its receiver, so untraced systems pay nothing for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from greenlet import getcurrent
from pykka.messages import ProxyCall

from actors._core import fates
from actors._core.context import Strand, binding, current_cell, current_entry
from actors._core.events import DeadLetterReason
from actors._core.lifecycle import Lifecycle
from actors._core.messages import IDLE, Entry

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors._core.cell import Cell

__all__ = ["TracedInbox", "TracedReceiver", "arrived", "origin"]


class TracedInbox:
    """Stands before the mailbox and adds correlation and sender to every message."""

    __slots__ = ("_correlation", "_put", "exempt", "queue")

    def __init__(self, queue: Any, correlation: Callable[[], Any]) -> None:
        self.queue = queue
        self._put = queue.append
        self.exempt = getattr(queue, "exempt", queue.append)
        self._correlation = correlation

    def append(self, entry: Any, *timeout: float) -> None:
        """Admit `entry` with its origin; one that has it already, as those of pools have, keeps it."""
        kind = type(entry)
        if kind is Entry:
            traced = len(entry) > 3  # noqa: PLR2004
            self._put(entry if traced else Entry((*entry, *origin(self._correlation))), *timeout)
        elif kind is ProxyCall:  # deferred, and no message for `on_receive`
            self._put(Entry((entry, None, None, *origin(self._correlation))))
        else:
            self._put((entry, *origin(self._correlation)))

    def offer(self, entry: Entry) -> Any:
        """Do as `append` does for a sender that awaits its admission to a bounded mailbox."""
        traced = TracedInbox(self.queue, self._correlation)
        offered: list[Any] = []
        traced._put = offered.append
        traced.append(entry)
        return self.queue.offer(offered[0])


def origin(new: Callable[[], Any]) -> tuple[Any, Cell | None, int]:
    """Return the correlation, sender and sender's incarnation of what the caller sends.

    Args:
        new: makes a correlation, for the beginning of something.
    """
    here: Any = getcurrent()
    strand = type(here) is Strand
    sender = here.worker.cell if strand else current_cell() if binding() is not None else None
    here = None  # a refused send's traceback holds this frame, and must not hold a greenlet of a thread that ends before it
    if sender is None:
        return new(), None, 0
    cause = sender.current if strand else current_entry(sender)
    # An exact tuple or a long Entry is traced; hooks and ticks are the beginning of something new.
    traced = type(cause) is tuple or (type(cause) is Entry and len(cause) > 3)  # noqa: PLR2004
    return cause[-3] if traced else new(), sender, sender.incarnation


class TracedReceiver:
    """Stands between the turn loop and the actor and takes the origin off every message."""

    __slots__ = ("_cell", "_inner")

    def __init__(self, cell: Cell, inner: Any) -> None:
        self._cell = cell
        self._inner = inner

    def on_receive(self, message: Any) -> Any:
        """Hand on the message itself. What comes out of an `Entry` is bare already."""
        cell = self._cell
        if message is not cell.current and not (cell.reentrant and message is current_entry(cell)):
            return self._inner.on_receive(message)
        message, correlation, sender, _ = message
        if (sender is not None or cell.system.ports.instrument is not None) and not arrived(cell, message, correlation, sender):
            cell.current = IDLE
            cell.handled -= 1
            fates.dead_letter(cell, message, DeadLetterReason.STALE_SENDER, own_turn=True)
            return None
        return self._inner.on_receive(message)


def arrived(cell: Cell, message: Any, correlation: Any, sender: Cell | None) -> bool:
    """Tell the instrument about a message that is about to be handled; False if its sender's handler had been abandoned before."""
    if sender is not None and sender.state is Lifecycle.STOPPED and sender.rare is not None and sender.rare.abandoned:
        return False
    instrument = cell.system.ports.instrument
    if instrument is not None:
        text = cell.system.ports.ids.text_of(correlation)
        instrument.handled(cell, message, text, sender.path if sender is not None else None)
    return True
