"""Who knows of what in a simulation: whose causal past holds which sends, by which causal ordering tells what must come first."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from actors._core.cell import Cell
from actors._core.doors import CLOSED
from actors._core.lifecycle import Lifecycle
from actors._core.watch import WatchNote
from actors.testing.network import Now

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable
    from typing import Any

__all__ = ["Causes"]

ANY = object()  # stands for all that anybody has come to; None, for whoever has come to all of it


class Causes:
    """The causal past of the scenario, and of the last step of each actor.

    One learns of a step by its messages and answers, and by whatever else shows that it has been taken: a name, an end, a full mailbox.
    """

    name: Callable[[Any, Now], int]
    names: dict[tuple[Any, ...], int] | None

    def __init__(self) -> None:
        self.steps = 0  # taken so far
        self.over = False
        self.shared: dict[Cell, tuple[str, ...]] = {}  # what was declared as shared, by actor
        self._thread = threading.get_ident()
        self._scenario = Now(0, None, 0, 0)
        self._now = self._scenario  # whoever is at work
        self._lasts: dict[Cell | None, Now] = {}  # the last step of each actor; of None, that of a call or timer of nobody's
        self._sequence = 0  # the number of what became possible last, or was resolved
        self._marks: dict[Hashable, int] = {ANY: 0}  # what was sent by those who have come to something that is shared

    @property
    def at_work(self) -> Now:
        """Whoever is at work."""
        return self._now

    def lives_here(self) -> bool:
        """Tell whether the simulation runs on the calling thread."""
        return threading.get_ident() == self._thread

    def snapshot(self) -> Now | None:
        """Return who is at work, as it is now; None on another thread, which is no part of the simulation."""
        if not self.lives_here():
            return None
        now = self._now
        return Now(now.step, now.cell, now.past, now.name)

    def number(self) -> int:
        """Return the next number of what has become possible, or is resolved."""
        self._sequence += 1
        return self._sequence

    def resolves(self) -> Now | None:
        """Note that whoever is at work resolves something; return who it is, as `snapshot` does, with a mark for those who learn of it."""
        origin = self.snapshot()
        if origin is not None:
            origin.mark = 1 << self.number()
            origin.past |= origin.mark
            self._now.past |= origin.mark
        return origin

    def knows(self, mark: int) -> bool:
        """Tell whether whoever is at work has learned of what has `mark`, or no step can be taken to learn of it."""
        return self.over or not self.lives_here() or self._now.past & mark == mark

    def origin(self) -> Now:
        """Return who is at work, as it is now."""
        copy, now = self.snapshot() or self._scenario, self._now
        copy.sends, now.sends = now.sends, now.sends + 1
        return copy

    def origin_of_end(self, note: WatchNote) -> Now:
        """Return whoever is at work as one that speaks for the actor that has ended: what it sent comes first, and what its watcher did."""
        cell = note.target
        last = self._lasts.get(cell, self._now)
        origin = self.origin()
        origin.cell, origin.past = cell, origin.past | last.past | self._marks.get(note, 0)
        return origin

    def learns(self, cell: Cell) -> None:
        """Note that `cell` will have learned of everything in the causal past of whoever is at work."""
        last = self._lasts.setdefault(cell, Now(0, cell, 0, 0))
        last.past |= self._now.past

    def learns_of(self, by: Now | None) -> None:
        """Note that whoever is at work has learned of `by`, a snapshot, without a wait."""
        if by is not None and self._now is self._scenario:
            self.scenario_learns(by)
        elif by is not None:
            self._now.past |= by.past

    def scenario_learns(self, by: Now | None = None) -> None:
        """Note that what the scenario waits for has happened: what it sends from now on comes after `by`, or the step under way."""
        scenario, now = self._scenario, by or self._now
        scenario.step, scenario.past = max(scenario.step, now.step), scenario.past | now.past

    def touched(self, what: Hashable, *, changes: bool = True) -> None:
        """Note that the caller looks at, or changes, what several actors share: it learns of all that was sent by who changed it before.

        Args:
            what: an actor, whose end alone tells something; a watch that is begun; a path or table; None for all actors.
            changes: False if it only looks.
        """
        if not self.lives_here():
            return
        if isinstance(what, Cell):
            if what.inbox is CLOSED or what.state is Lifecycle.STOPPED:
                self.observed(what)
        elif isinstance(what, WatchNote):
            self._marks[what] = self._now.past
        elif changes:
            self.meets(what)
        else:
            self._now.past |= self._marks.get(what, 0)

    def resource(self, kind: str) -> Hashable:
        """Return a name for something new of `kind` that several actors share: where runs are compared, the same for the same causes."""
        return kind, object() if self.names is None else self.name(kind, self._now)

    def observed(self, cell: Cell) -> None:
        """Note that the caller learns of what `cell` has done so far."""
        last = self._lasts.get(cell)
        if last is not None and self.lives_here():
            self._now.past |= last.past

    def entangled(self, cells: tuple[Cell, ...]) -> None:
        """Note that the caller has met with a deadlock of `cells`, and so learns what they have done."""
        for cell in cells:
            self.observed(cell)

    def meets(self, what: Hashable) -> None:
        """Note that the caller comes to `what`, and so learns of all that was sent by who was there before it; None: to all there is.

        What is sent is in its mailbox at once on one machine, so a message that is sent later, and knowingly so, comes later.
        """
        marks = self._marks
        past = self._now.past = self._now.past | (marks[ANY] if what is None else marks.get(what, 0) | marks.get(None, 0))
        marks[what] = past
        marks[ANY] |= past

    def run_as(self, cell: Cell | None, call: Callable[[], object]) -> None:
        """Make a call of `cell` in the step under way, which may be that of another actor: one that has let it go on."""
        now = self._now
        if cell is None or cell is now.cell:
            call()
            return
        last = self._lasts.get(cell)
        name = self.name("task", now) if self.names is not None else 0
        self._now = self._lasts[cell] = Now(now.step, cell, now.past if last is None else now.past | last.past, name)
        try:
            call()
        finally:
            self._now = now

    def leaves_word(self, what: Hashable) -> None:
        """Note that whoever comes to `what` learns of all that was sent by the caller, who learns nothing of them."""
        marks = self._marks
        marks[what] = marks.get(what, 0) | self._now.past
        marks[ANY] |= self._now.past

    def meet_sharers(self, cell: Cell | None) -> None:
        """Note, before and after a step, that it learns of all that was sent in those of others with whom its actor shares something."""
        for name in self.shared.get(cell, ()) if cell is not None else ():
            self.meets(("shared", name))
