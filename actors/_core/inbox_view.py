"""The mailbox of an actor as pykka sees one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from actors._core.messages import Entry

if TYPE_CHECKING:
    from actors._core.cell import Cell

__all__ = ["InboxView"]


class InboxView:
    """pykka's inbox protocol, over the mailbox of one actor."""

    __slots__ = ("_cell",)

    def __init__(self, cell: Cell) -> None:
        self._cell = cell

    def put(self, envelope: Any) -> None:
        """Send an envelope's message, with its future if it has one."""
        message, reply_to = envelope.message, envelope.reply_to
        self._cell.ref.tell(Entry((message, reply_to, None)))

    def empty(self) -> bool:
        """Tell whether nothing waits."""
        return not self._cell.waiting()
