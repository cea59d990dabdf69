"""The high-water mark: who has more mail than it should is told of, once."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from actors._core.bounded import BoundedMailbox
from actors._core.events import MailboxHighWater

if TYPE_CHECKING:
    from actors._core.cell import Cell

__all__ = ["look"]


def look(cell: Cell) -> None:
    """Publish if too many messages wait for `cell`. By the turn owner at the end of a turn, without a lock."""
    queue = cell.queue
    if type(queue) is not deque:
        if isinstance(queue, BoundedMailbox):
            queue.look()
        return  # closed, or a simulation's: there, messages under way do not wait yet
    waiting, mark = len(queue), cell.system.config.high_water
    rare = cell.rare
    crowded = rare is not None and rare.crowded
    if waiting > mark:
        system = cell.system
        # While nobody listens it is not noted either: who comes later is told at the next look.
        if not crowded and not system.events.idle and system.ports.dispatcher is None:
            cell.extras().crowded = True
            system.events.publish(MailboxHighWater(cell.ref, waiting, mark))
    elif rare is not None and crowded and 2 * waiting < mark:
        rare.crowded = False
