"""Where a machine is: what one instance keeps beside its data. Written in the machine's own turn only."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, Any

from actors._core.context import origin_of
from actors._core.messages import Entry, Note
from actors._core.timers import PipeNote, is_tick

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from actors._core.cell import Cell
    from supervisors.machine.chart import History, Transition
    from supervisors.machine.table import Leaf, Table
    from supervisors.machine.tree import Node

__all__ = ["NEW", "NO_EFFECTS", "SLOW", "Effects", "Mark", "OwnNote", "Phase", "Run", "is_own", "own_entry"]

RECENT = 5  # events that the error of an endless machine tells of


class Phase(Enum):
    """Which code of the user's is running."""

    ACTION = auto()
    """An action for an event from the mailbox, or nothing of the machine's."""
    OWN = auto()
    """An action for an event of its own."""
    ENTER = auto()
    EXIT = auto()
    GUARD = auto()


class Effects:
    """What an action asks for, until it has returned."""

    __slots__ = ("checkpoint", "inserted", "timeouts", "to")

    def __init__(self) -> None:
        self.to: Enum | History[Any] | None = None
        self.inserted: list[Any] = []
        self.timeouts: list[tuple[Any, float | None]] = []  # (event, seconds), None to cancel; that of the state has no state yet
        self.checkpoint = False


class OwnNote(PipeNote):
    """The note of an event that the machine has inserted and that waits among its mail: for this incarnation only, as results of pipes."""

    __slots__ = ()


def own_entry(cell: Cell, event: Any) -> Entry:
    """Return an event of the machine's own as an entry of its mailbox."""
    return Entry((event, None, OwnNote(cell), *origin_of(cell)))


def is_own(cell: Cell) -> bool:
    """Tell whether the message being handled is one that the machine has given itself: inserted, or the tick of a timer."""
    entry = cell.current
    return type(entry) is Entry and (type(entry[2]) is OwnNote or is_tick(entry[2]))


@dataclass(frozen=True, slots=True)
class Mark:
    """Comes through the mailbox behind postponed events that are taken again."""


class _MarkNote(Note):
    """The note of a mark behind the postponed events that are taken again.

    Invariant: while such events are at the front of the mailbox, one mark is right behind them. So it is known when the last of them has
    come, whatever has become of each: a timeout of 0 is to come behind events already received, and before those still to be received.
    """

    __slots__ = ("run",)

    def __init__(self, run: Run) -> None:
        super().__init__()
        self.run = run

    def fenced(self, cell: Cell) -> bool:
        """Take note that all have come; deliver the mark only if timeouts of 0 wait for that."""
        if cell.actor is None or cell.actor._greenroom_run is not self.run:
            return True
        self.run.retrying = False
        return not self.run.zeros


# The steps of no state, never written: with SLOW, everything is looked at with care; with NEW, nothing may come yet.
SLOW: dict[type, Any] = {}
NEW: dict[type, Any] = {}


NO_EFFECTS = Effects()  # never written


class Run:
    """One instance's place in its chart.

    Attributes:
        leaf: the innermost state.
        steps: the way of which class of events now: those of the leaf, SLOW while more is to be looked after, NEW before it began.
        since: clock time at which the state was entered.
        transitions: how often the state has changed.
        effects: what the action under way has asked for so far.
        inserted: events of its own that are next; None until there are some, as an empty deque is large.
        zeros: timeouts of 0, as keys, in order: they come when nothing else of its own is left.
        waiting: whether an event timeout is running.
        retrying: whether postponed events are at the front of the mailbox.
        circles: events of its own, or retried without one handled, in a row.
        recent: the last of them, once there are nearly too many.
        observer: told of each transition taken, by coverage: where the machine was, the transition, the event, what its action chose.
        broken: whether an exception came out of an enter or exit action: it is in no state.
        visited: by state, where the machine was inside of it when it left.
        saved: the snapshot that a restart resumes from.
    """

    __slots__ = (
        "broken",
        "circles",
        "effects",
        "inserted",
        "leaf",
        "now",
        "observer",
        "phase",
        "recent",
        "retrying",
        "saved",
        "since",
        "steps",
        "stream",
        "table",
        "transitions",
        "visited",
        "waiting",
        "zeros",
    )

    def __init__(self, table: Table, cell: Cell) -> None:
        self.table = table
        self.leaf: Leaf = table.initial
        self.steps: dict[type, Any] = NEW
        self.now: Callable[[], float] = cell.system.ports.clock.now
        self.stream = cell.system.events
        self.since = 0.0
        self.transitions = 0
        self.effects: Effects | None = None
        self.phase = Phase.ACTION
        self.inserted: deque[Any] | None = None
        self.zeros: dict[Any, None] = {}
        self.waiting = False
        self.retrying = False
        self.circles = 0
        self.recent: list[Any] = []
        self.broken = False
        self.observer: Callable[[Leaf, Transition[Any], Any, Any], object] | None = None
        self.visited: dict[Node, Leaf] = {}
        self.saved: Any = None

    @property
    def place(self) -> Leaf | None:
        """The innermost state; None if it is in none: it has not begun, or failed on the way. For anyone to look at."""
        return None if self.steps is NEW or self.broken else self.leaf

    def asked(self) -> Effects:
        """Return what the action under way asks for, to add to it."""
        effects = self.effects
        if effects is None:
            effects = self.effects = Effects()
        return effects

    def watch(self, observer: Callable[[Leaf, Transition[Any], Any, Any], object]) -> None:
        """Tell `observer`, too, of each transition. From now on nothing goes the quick way, which knows no observers."""
        former = self.observer
        self.observer = observer if former is None else lambda *taken: (former(*taken), observer(*taken))
        self.steps = NEW if self.steps is NEW else SLOW

    def insert(self, events: Sequence[Any]) -> None:
        """Put events of its own ahead of those that wait, the first one first."""
        if events:
            if self.inserted is None:
                self.inserted = deque()
            self.inserted.extendleft(reversed(events))

    def next_own(self) -> Any:
        """Take the next event of its own; None if none is due."""
        if self.inserted:
            return self.inserted.popleft()
        if self.zeros and not self.retrying:
            event = next(iter(self.zeros))
            del self.zeros[event]
            return event
        return None

    def circle(self, event: object, limit: int) -> bool:
        """Count an event that the machine has given itself; False if it is one too many."""
        self.circles += 1
        if self.circles > limit - RECENT:
            self.recent.append(event)
        return self.circles <= limit

    def progressed(self) -> None:
        """Take note that an event from outside was handled."""
        self.circles = 0
        self.recent.clear()

    def mark(self) -> Entry:
        """Return what is put into the mailbox behind postponed events."""
        return Entry((Mark(), None, _MarkNote(self)))
