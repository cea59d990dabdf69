"""Traced systems: every message carries where it came from.

A traced entry has three more fields than a plain one: *(message, future, note, correlation, sender, sender's incarnation)*. Tracing is
chosen when a cell gets its mailbox, so untraced systems pay nothing for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from actors._core.context import current_cell, current_entry
from actors._core.lifecycle import Lifecycle

if TYPE_CHECKING:
    from actors._core.cell import Cell

__all__ = ["TracedInbox", "stale"]


class TracedInbox:
    """Stands before the mailbox and adds correlation and sender to every entry."""

    __slots__ = ("_correlation", "_put", "exempt", "queue")

    def __init__(self, queue: Any, correlation: Any) -> None:
        self.queue = queue
        self._put = queue.append
        self.exempt = getattr(queue, "exempt", queue.append)
        self._correlation = correlation

    def append(self, entry: Any) -> None:
        """Admit `entry` with its origin."""
        sender = current_cell()
        if sender is None:
            origin = (self._correlation(), None, 0)
        else:
            cause = current_entry(sender)
            if type(cause) is tuple and len(cause) == 6:  # noqa: PLR2004  # a traced entry
                origin = (cause[3], sender, sender.incarnation)
            else:
                origin = (self._correlation(), sender, sender.incarnation)
        if type(entry) is tuple:
            self._put((*entry, *origin))
        else:
            self._put((entry, None, None, *origin))


def stale(entry: Any) -> bool:
    """Tell whether the handler that sent a traced entry was abandoned before it sent."""
    sender: Cell | None = entry[4]
    return sender is not None and sender.state is Lifecycle.STOPPED and sender.rare is not None and sender.rare.abandoned
