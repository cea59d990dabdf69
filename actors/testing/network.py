"""What is under way in a simulated system, and what of it may arrive next.

A simulated mailbox is the network in front of its actor: a message is under way from its send until its delivery is chosen. Which of
several may be chosen, an ordering model says.
"""

from __future__ import annotations

from collections import deque
from enum import Enum
from typing import TYPE_CHECKING, Any

from actors._core.bounded import BoundedMailbox, bare, uncounted
from actors._core.future import Future
from actors._core.mailbox import Bounded, Priority
from actors._core.messages import Entry
from actors._core.priority import PriorityMailbox
from actors._core.watch import WatchNote

if TYPE_CHECKING:
    from collections.abc import Iterable

    from actors._core.cell import Cell
    from actors.testing.world import World

__all__ = ["Kind", "Now", "Ordering", "Pending", "SimMailbox", "comes_before", "mailbox_of", "network_of"]


class Ordering(Enum):
    """In which order messages to one actor may arrive."""

    CAUSAL = "causal"
    """A message comes before those that its sending led to. What local actors promise, on every dispatcher."""

    PAIR_FIFO = "pair FIFO"
    """The messages of one sender come in the order sent; nothing else is promised. As over a network."""

    UNORDERED = "unordered"
    """Any message may overtake any other. As over datagrams."""


class Kind(Enum):
    """What kind of step a simulation takes."""

    DELIVERY = "delivery"
    """An actor takes a message."""

    REPLY = "reply"
    """A handler, or the scenario, learns that what it waits for has happened."""

    SIGNAL = "signal"
    """An actor attends to a start, stop, kill, restart or the end of a child."""

    CALL = "call"
    """A call that may block, and is no actor's, goes on: a shutdown, a hook."""

    TIMER = "timer"
    """Time jumps to the next timer."""

    FAULT = "fault"
    """Something goes wrong, or ends being wrong."""


class Now:
    """Whoever is at work: the actor of the step under way, or the scenario."""

    __slots__ = ("cell", "mark", "name", "past", "sends", "step")

    def __init__(self, step: int, cell: Cell | None, past: int, name: int) -> None:
        self.step = step  # its number
        self.cell = cell
        self.past = past  # what was sent in its causal past, as a set of bits numbered by `Pending.sequence`
        self.name = name  # of the step; the same in every run in which it has the same causes
        self.sends = 0
        self.mark = 0  # of one who has resolved a future: the bit of `past` that says who knows of that


class Wait:
    """A wait of a handler: where it was begun."""

    __slots__ = ("name", "step")

    def __init__(self, step: int, name: int) -> None:
        self.step = step
        self.name = name  # of the step that goes on after it


class Pending:
    """Something that can happen next. Told apart by identity; everything else is for the reader."""

    __slots__ = ("cause", "cell", "front", "kind", "known", "late", "name", "past", "sender", "sequence", "target", "wait")

    def __init__(self, kind: Kind, sequence: int, cell: Cell | None, target: Any, now: Now) -> None:
        self.kind = kind
        self.sequence = sequence  # in the order in which things became possible
        self.cell = cell  # whose step it is
        self.target = target  # what goes on: a greenlet, a waiter; None for a mailbox
        self.sender = now.cell
        self.cause = now.step  # the step in which it was sent, set or resolved
        self.past = now.past
        self.known = now.past | 1 << sequence  # to whoever has sent it, and to whoever it happens to
        self.name = 0  # given where runs are compared
        self.wait: Wait | None = None  # that it ends
        self.front = False  # unstashed: comes before everything else
        self.late = False  # others may overtake it, and it them, whatever the ordering


def comes_before(one: Pending, other: Pending) -> bool:
    """Tell whether the sending of `one` led to that of `other`."""
    return bool(other.past >> one.sequence & 1)


class Lines:
    """What is under way to one mailbox, in a line for each sender: only the first of a line can be the next to come.

    Invariant: the sending of each led to that of those behind it in its line. So nothing has to come before one that no first one of
    another line has to come before, and who chooses looks at as many messages as there are senders.
    """

    def __init__(self) -> None:
        self._lines: dict[Cell | Pending | None, deque[Pending]] = {}
        self._late: dict[Pending, None] = {}

    def join(self, one: Pending) -> None:
        """Add one that has just been sent."""
        line = self._lines.get(one.sender)
        if one.late:
            self._late[one] = None
        elif line is None:
            self._lines[one.sender] = deque((one,))
        elif comes_before(line[-1], one):
            line.append(one)
        else:  # of a call that goes on, which is nobody's, like the scenario; or of one that waited for room
            self._lines[one] = deque((one,))

    def leave(self, one: Pending) -> None:
        """Take one out, wherever it is; no matter if it is not there."""
        if one in self._late:
            del self._late[one]
            return
        key = one if one in self._lines else one.sender
        line = self._lines.get(key)
        if line is None:
            return
        if line[0] is one:
            line.popleft()
        elif one in line:
            line.remove(one)
        if not line:
            del self._lines[key]

    def heads(self, ordering: Ordering) -> list[Pending]:
        """Return what may come next under CAUSAL or PAIR_FIFO."""
        heads = [line[0] for line in self._lines.values()]
        if len(heads) > 1:
            heads = _first_of_causes(heads) if ordering is Ordering.CAUSAL else _first_of_senders(heads)
        return [*heads, *self._late] if self._late else heads


def _first_of_causes(heads: list[Pending]) -> list[Pending]:
    """Return those of which no other one is in the causal past."""
    marks = 0
    for one in heads:
        marks |= 1 << one.sequence
    return [one for one in heads if not one.past & marks]


def _first_of_senders(heads: list[Pending]) -> list[Pending]:
    """Return the first one of each sender."""
    first: dict[Cell | None, Pending] = {}
    for one in sorted(heads, key=lambda one: one.sequence):
        first.setdefault(one.sender, one)
    return list(first.values())


class SimMailbox(deque[Any]):
    """A mailbox whose reader is told which message to take: the chosen one, else the one that may come first."""

    def __init__(self, world: World, cell: Cell) -> None:
        super().__init__()
        self._world = world
        self._cell = cell
        self.pending: deque[Pending] = deque()  # one for each entry, in the same order
        self.chosen: Pending | None = None
        self._lines = Lines()  # but for what was unstashed
        self._next: list[Pending] | None = None  # what may be taken next; None if that is to be worked out

    def append(self, entry: Any, now: Now | None = None) -> None:
        """Send `entry` on its way, from whoever is at work, or from `now`."""
        if type(entry) is Entry and (future := entry[1]) is not None:
            self._world.adopt(future)
        if now is None and type(entry) is Entry and type(entry[2]) is WatchNote:
            now = self._world.origin_of_end(entry[2])
        pending = self._world.sent(Kind.DELIVERY, self._cell, None, now)
        if self._world.observers is not None:
            self._world.observers.sent(self._cell, pending, entry)
        self.pending.append(pending)
        self._join(pending)
        super().append(entry)

    exempt = append

    def extendleft(self, entries: Iterable[Any]) -> None:
        """Put unstashed entries at the front, where they stay in order."""
        for entry in entries:
            pending = self._world.sent(Kind.DELIVERY, self._cell, None)
            pending.front = True
            self.pending.appendleft(pending)
            self.appendleft(entry)
            self._next = None

    def popleft(self) -> Any:
        """Take the entry that was chosen."""
        chosen, self.chosen = self.chosen, None
        if chosen is None:  # it has ended, and learns of all that it does not handle
            self._world.at_work.past |= self.pending[0].known
        if chosen is None or chosen is self.pending[0]:
            self._leave(self.pending.popleft())
            return super().popleft()
        index = self.pending.index(chosen)
        entry = self[index]
        del self[index]
        return entry

    def __delitem__(self, index: Any) -> None:
        self._leave(self.pending[index])
        del self.pending[index]
        super().__delitem__(index)

    def _join(self, one: Pending) -> None:
        self._next = None
        self._lines.join(one)

    def _leave(self, one: Pending) -> None:
        self._next = None
        self._lines.leave(one)

    def deliverable(self) -> list[Pending]:
        """Return what may be taken next, in a list that the caller leaves as it is."""
        if self._next is None:
            pending, ordering = self.pending, self._world.ordering
            first = pending[0]
            if len(pending) == 1 or first.front:
                self._next = [first]
            else:
                self._next = list(pending) if ordering is Ordering.UNORDERED else self._lines.heads(ordering)
        return self._next

    def entry(self, one: Pending) -> Any:
        """Return the entry of `one`."""
        return self[self.pending.index(one)]

    def delay(self, one: Pending) -> None:
        """Let `one` come at any time from now on, whatever the ordering."""
        self._leave(one)
        one.late = True
        self._join(one)

    def copy(self, one: Pending) -> None:  # type: ignore[override]
        """Send the entry of `one` once more, to come at any time. Nobody waits for a second answer."""
        again = self._world.sent(Kind.DELIVERY, self._cell, None, Now(one.cause, one.sender, one.past, one.name))
        names = self._world.names
        if names is not None:  # that of a step's first send belongs to another
            again.name = names.setdefault(("copy", self._world.at_work.name), len(names) + 1)
        entry = bare(self.entry(one))
        if type(entry) is Entry and entry[1] is not None:  # with the same future it would be taken for an ask that was cancelled
            entry = Entry((entry[0], Future(), *entry[2:]))
        queue = self._cell.queue
        if isinstance(queue, BoundedMailbox):  # no sender waits for room because of it
            queue._exempted += 1
            entry = uncounted(entry)
        again.late = True
        if self._world.observers is not None:
            self._world.observers.sent(self._cell, again, self.entry(one), one)
        self.pending.append(again)
        self._join(again)
        super().append(entry)


class _SimBounded(BoundedMailbox):
    """A bounded mailbox in a simulation: what is under way counts against its bound."""

    __slots__ = ("_admitted", "_origins", "_world")

    def __init__(self, world: World, cell: Cell, declared: Bounded) -> None:
        self._world = world
        self._origins: dict[Future[None], Now] = {}  # who sent what waits for room
        self._admitted: Future[None] | None = None  # of the one that is let in
        super().__init__(cell, declared)

    def _new_queue(self) -> Any:
        return SimMailbox(self._world, self._cell)

    def _has_room(self) -> bool:
        self._world.contends(self._cell)
        return super()._has_room()

    def offer(self, entry: Any) -> Future[None]:
        """Do as every bounded mailbox does, and remember the sender of what waits: it is the reader who lets that in."""
        admitted = super().offer(entry)
        if not admitted.done():
            self._origins[admitted] = self._world.origin()
        return admitted

    def withdraw(self, admitted: Future[None]) -> bool:
        """Do as every bounded mailbox does: whether the reader or the sender comes first decides."""
        self._world.contends(self._cell)
        self._origins.pop(admitted, None)
        return super().withdraw(admitted)

    def popleft(self) -> Any:
        """Do as every bounded mailbox does: there is room now, which tells what the reader has done."""
        self._world.leaves_word(self._cell)
        self._admitted = self._waiting[0][1] if self._waiting else None
        try:
            return super().popleft()
        finally:
            self._admitted = None

    def _put(self, entry: Any) -> None:
        origin = self._origins.pop(self._admitted, None) if self._admitted is not None else None
        self._queue.append(entry, origin)
        if origin is not None:  # whoever lets it in knows of it, and so does its sender, who is told
            self._world.at_work.past |= origin.past


class _SimPriority(PriorityMailbox):
    """A priority mailbox in a simulation. Its order is what was asked for, so only the turn of its actor is a choice.

    The actor counts as having learned of a message when it was sent: never too late, perhaps too early.
    """

    __slots__ = ("_world",)

    def __init__(self, world: World, cell: Cell, declared: Priority) -> None:
        self._world = world
        super().__init__(cell, declared)

    def _has_room(self) -> bool:
        self._world.contends(self._cell)
        return super()._has_room()

    def popleft(self) -> Any:
        """Do as every priority mailbox does: there is room now, which tells what the reader has done."""
        self._world.leaves_word(self._cell)
        return super().popleft()

    def _push(self, key: Any, entry: Any, *, counted: bool) -> None:
        self._world.learns(self._cell)
        self._world.contends(self._cell)
        super()._push(key, entry, counted=counted)


def network_of(cell: Cell) -> SimMailbox | None:
    """Return what is under way to `cell`; None where that is no choice."""
    queue: Any = cell.queue
    if type(queue) is SimMailbox:
        return queue
    if isinstance(queue, BoundedMailbox) and type(queue._queue) is SimMailbox:
        return queue._queue
    return None


def mailbox_of(world: World, cell: Cell) -> Any:
    """Return the simulated mailbox for what the class of `cell` declares."""
    declared = cell.options.mailbox
    if isinstance(declared, Bounded):
        return _SimBounded(world, cell, declared)
    if isinstance(declared, Priority):
        return _SimPriority(world, cell, declared)
    return SimMailbox(world, cell)
