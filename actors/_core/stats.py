"""The counters of one actor, as a record."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from actors._core.messages import Control

if TYPE_CHECKING:
    from actors._core.cell import Cell
    from actors._core.lifecycle import Lifecycle

__all__ = ["ActorStats", "snapshot"]


@dataclass(frozen=True, slots=True)
class ActorStats:
    """What became of the messages an actor was sent.

    Attributes:
        accepted: admitted to the mailbox, whatever became of them.
        handled: given to the actor and done with.
        in_progress: 1 while a handler is at work, else 0; of a reentrant actor, how many handlers are at work.
        waiting: in the mailbox.
        stashed: put aside by the actor.
        dead_lettered: refused at the end, expired, cancelled.
        dropped: given up by the overflow policy of a full mailbox.
        restarts: how often the instance was replaced.
        state: where the actor is in its life.
    """

    accepted: int
    handled: int
    in_progress: int
    waiting: int
    stashed: int
    dead_lettered: int
    dropped: int
    restarts: int
    state: Lifecycle


def snapshot(cell: Cell, waiting: int | None = None) -> ActorStats:
    """Return the counters of `cell`. Exact when its turn is not running, or when called from within it.

    Args:
        cell: whose.
        waiting: how many messages wait, of a caller that has counted them already.
    """
    rare = cell.rare
    if cell.reentrant and rare is not None:
        in_progress = sum(not isinstance(one.current, Control) for one in list(rare.open.values()))
    else:
        in_progress = 0 if isinstance(cell.current, Control) else 1
    if waiting is None:
        waiting = cell.waiting()
    stashed = len(rare.stash) if rare is not None and rare.stash else 0
    dead_lettered = rare.dead_lettered if rare is not None else 0
    dropped = rare.dropped if rare is not None else 0
    return ActorStats(
        accepted=cell.handled + waiting + stashed + dead_lettered + dropped,
        handled=cell.handled - in_progress,  # counted when taken
        in_progress=in_progress,
        waiting=waiting,
        stashed=stashed,
        dead_lettered=dead_lettered,
        dropped=dropped,
        restarts=rare.restarts if rare is not None else 0,
        state=cell.state,
    )
