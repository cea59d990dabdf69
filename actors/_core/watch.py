"""Death watch and links: who is told when an actor ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actors._core.admission import post
from actors._core.lifecycle import DownReason, Lifecycle
from actors._core.messages import Control, Down, Entry, Note, Signal
from actors._core.ports import touched
from actors.errors import LinkedActorDied

if TYPE_CHECKING:
    from actors._core.cell import Cell, Rare

__all__ = ["WatchNote", "gone", "link", "unlink", "unwatch", "watch"]


class WatchNote(Note):
    """One watch; travels with its Down, so that `unwatch` can purge a notice that waits already."""

    __slots__ = ("cancelled", "target")

    def __init__(self, target: Cell) -> None:
        super().__init__()
        self.target = target
        self.cancelled = False  # written by the watcher's turn owner

    def fenced(self, cell: Cell) -> bool:
        """Tell whether the watch was given up; otherwise this delivery ends it."""
        if cell.rare is not None and cell.rare.watching.get(self.target) is self:
            del cell.rare.watching[self.target]
        return self.cancelled


def watch(cell: Cell, target: Cell) -> None:
    """Tell `cell` once when `target` ends, now if it has ended."""
    watching = cell.extras().watching
    if target in watching:
        return
    touched(target.system.ports, target)
    watching[target] = note = WatchNote(target)
    touched(target.system.ports, note)
    watchers = target.extras().watchers
    with target.system.lock:
        dead = target.state is Lifecycle.STOPPED
        if not dead:
            watchers[cell] = note
    if dead:
        post(cell, Entry((Down(target.ref, DownReason.NOT_FOUND), None, note)))


def unwatch(cell: Cell, target: Cell) -> None:
    """Give the watch up; a Down that waits already is not delivered."""
    note = cell.rare.watching.pop(target, None) if cell.rare is not None else None
    if note is None:
        return
    note.cancelled = True
    touched(target.system.ports, target)
    if target.rare is not None:
        with target.system.lock:
            target.rare.watchers.pop(cell, None)


def link(cell: Cell, target: Cell) -> None:
    """Let the abnormal end of either crash the other, at once if `target` has ended already.

    Raises:
        ValueError: the two belong to different systems, which end apart.
    """
    if cell.system is not target.system:
        msg = f"{target.path} belongs to the system {target.system.name!r}, not to {cell.system.name!r}: watch it instead"
        raise ValueError(msg)
    touched(target.system.ports, target)
    mine, theirs = cell.extras().links, target.extras().links
    with target.system.lock:
        dead = target.state is Lifecycle.STOPPED
        if not dead:
            mine[target] = theirs[cell] = None
    if dead:
        _break(target, cell, DownReason.NOT_FOUND)


def unlink(cell: Cell, target: Cell) -> None:
    """Undo `link`."""
    touched(target.system.ports, target)
    mine, theirs = cell.extras().links, target.extras().links
    with target.system.lock:
        mine.pop(target, None)
        theirs.pop(cell, None)


def _break(cell: Cell, other: Cell, reason: DownReason) -> None:
    other.signal(Control(Signal.CRASH, error=LinkedActorDied(cell.label(), reason.value)))


def gone(cell: Cell, rare: Rare, reason: DownReason, error: BaseException | None) -> None:
    """Tell watchers and linked actors that `cell` has ended; give up its own watches."""
    with cell.system.lock:
        watchers, rare.watchers = rare.watchers, {}
        links, rare.links = rare.links, {}
        for other in links:
            other.rare.links.pop(cell, None)  # type: ignore[union-attr]  # made by `link`
    for watcher, note in watchers.items():
        post(watcher, Entry((Down(cell.ref, reason, error), None, note)))
    for target in tuple(rare.watching):
        unwatch(cell, target)
    if reason is not DownReason.STOPPED:
        for other in links:
            _break(cell, other, reason)
