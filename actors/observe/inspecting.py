"""Looking at one actor from beside."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from actors._core.cell import Cell
from actors.observe.errors import ForeignActorError
from actors.snapshots.taking import info_of

if TYPE_CHECKING:
    from actors._core.ref import ActorRef
    from actors.snapshots.records import ActorInfo

__all__ = ["inspect"]


def inspect(ref: ActorRef[Any]) -> ActorInfo:
    """Return what is known of an actor, and of those below it, at once: also of one that is stuck, stopping or dead.

    Raises:
        ForeignActorError: `ref` is one of pykka's own, or of no actor here.
    """
    cell = getattr(ref, "_target", None)
    if not isinstance(cell, Cell):
        raise ForeignActorError(ref)
    return info_of(cell)
