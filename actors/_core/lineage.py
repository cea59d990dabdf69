"""Budgets of causal trees: what a message hands on to all that it brings about.

A *causal tree* is a message from outside of any handler and everything that follows from it: what handlers send while they handle a
message of the tree, what they pipe to themselves, what their one-shot timers tell them later. Each message of a tree that has a budget
carries its *lineage*: how many hops it is away from the first one, the way that led to it, and the budget that the whole tree shares.

Actors of a system that keeps budgets have a `CarryingInbox` before their mailbox, as traced ones have theirs; the others pay nothing.
"""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pykka.messages import ProxyCall, ProxyGetAttr, ProxySetAttr, _ActorStop

from actors._core import fates
from actors._core.context import current_cell, current_entry
from actors._core.events import BudgetExceeded, DeadLetterReason, Link
from actors._core.lifecycle import Lifecycle
from actors._core.messages import STOP, Control, Entry, Note
from actors._core.mutex import Mutex
from actors._core.ports import touched
from actors.errors import BudgetExceededError

if TYPE_CHECKING:
    from actors._core.cell import Cell
    from actors._core.future import Future

__all__ = [
    "FROM_USERS",
    "Budget",
    "Carried",
    "CarryingInbox",
    "Lineage",
    "Purse",
    "give_back",
    "lineage_here",
    "lineage_of",
    "next_lineage",
    "of_start",
    "pay",
    "scope",
]

LINKS = 32  # of the way that led to a message: the first one, and the latest


@dataclass(frozen=True, slots=True)
class Budget:
    """How much one message from outside may bring about. Beyond that, messages become dead letters.

    Args:
        hops: how far from the first message another one may be, each sent by the handler of the one before; None: any distance.
        messages: messages in all, the first one included; None: any number.
    """

    hops: int | None = None
    messages: int | None = None

    def __post_init__(self) -> None:
        for name in ("hops", "messages"):
            value = getattr(self, name)
            if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
                msg = f"{name}={value!r} is not valid: a whole number, 1 or more, or None"
                raise ValueError(msg)


class Purse:
    """What is left of a budget, for all messages of one tree.

    Args:
        budget: what was in it.
        outer: the lineage of the message in whose handler the tree was given a budget of its own: what it spends, that one spends too.
    """

    __slots__ = ("_lock", "_outer", "_spent", "_told", "budget")

    def __init__(self, budget: Budget, outer: Lineage | None = None) -> None:
        self.budget = budget
        self._outer = outer
        # One for all purses of a tree, so that a message is paid out of all of them, or out of none. Guards the next two.
        self._lock: Mutex = Mutex() if outer is None else outer.purse._lock
        self._spent = 0
        self._told = False

    def spend(self, hops: int) -> Purse | None:
        """Pay for one message, so many hops away from the first one. Return the purse that had too little, None if it was paid."""
        with self._lock:
            purses = []
            purse = self
            while True:
                budget, outer = purse.budget, purse._outer
                if budget.hops is not None and hops > budget.hops:
                    return purse
                if budget.messages is not None and purse._spent >= budget.messages:
                    return purse
                purses.append(purse)
                if outer is None:
                    break
                hops += outer.hops + 1
                purse = outer.purse
            for purse in purses:
                purse._spent += 1
        return None

    def give_back(self) -> None:
        """Take back what was paid for one message, which was not sent after all."""
        with self._lock:
            purse = self
            while True:
                purse._spent -= 1
                if purse._outer is None:
                    return
                purse = purse._outer.purse

    def first_time(self) -> bool:
        """Tell whether nobody has asked this before."""
        with self._lock:
            told, self._told = self._told, True
            return not told


def _kind(message: object) -> str:
    """Return what people call the kind of a message: its type, or what is called by it."""
    kind = type(message)
    if kind in (ProxyCall, ProxyGetAttr, ProxySetAttr):
        return f"{'.'.join(message.attr_path)}{'()' if kind is ProxyCall else ''}"  # type: ignore[attr-defined]
    return kind.__qualname__


class Lineage:
    """Where a message comes from. Immutable.

    Attributes:
        purse: the tree's.
        hops: how many messages came before it, each out of the handler of the one before.
        way: recipients and kinds of the messages that led to it, itself included: the first one, and the latest.
    """

    __slots__ = ("hops", "purse", "way")

    def __init__(self, purse: Purse, hops: int, way: tuple[tuple[Cell, str], ...]) -> None:
        self.purse = purse
        self.hops = hops
        self.way = way

    def next(self, cell: Cell, kind: str) -> Lineage:
        """Return the lineage of what the handler of a message with this one sends to `cell`."""
        way = self.way if len(self.way) < LINKS else (self.way[0], *self.way[2:])
        return Lineage(self.purse, self.hops + 1, (*way, (cell, kind)))

    def to(self, message: object) -> Lineage:
        """Return the same, for `message` in the place of one that was not known yet."""
        return Lineage(self.purse, self.hops, (*self.way[:-1], (self.way[-1][0], _kind(message))))

    def chain(self) -> tuple[Link, ...]:
        """Return the way, for people."""
        return tuple(Link(cell.path, kind) for cell, kind in self.way)


class Carried(Note):
    """The note of a message that has a lineage, and nothing else but perhaps a deadline."""

    __slots__ = ("_paid", "lineage")
    stays = True

    def __init__(self, lineage: Lineage, expires: float | None = None) -> None:
        super().__init__(expires)
        self.lineage = lineage
        self._paid = True  # by the sender, until the message is in the mailbox

    def withdrawn(self) -> None:
        """Take note that the message was not sent after all."""
        paid, self._paid = self._paid, False
        if paid:
            self.lineage.purse.give_back()


FROM_USERS = (type(None), Note, Carried)  # the notes of messages that users have just sent: all others are the kernel's, or of pools

# What begins where this is set is one tree: (its purse, the cell whose handler set it). A task that inherits the context of that handler
# goes on with it; the handler of another actor, begun on the same stack, does not.
scope: ContextVar[tuple[Purse, Cell | None] | None] = ContextVar("greenroom_budget", default=None)


def lineage_of(entry: Any) -> Lineage | None:
    """Return the lineage of a mailbox entry, None if it has none."""
    return getattr(entry[2], "lineage", None) if type(entry) is Entry else None


def lineage_here() -> Lineage | None:
    """Return the lineage of what the caller is at: a message, or the first `on_start` of an actor that a message has started."""
    cell = current_cell()
    if cell is None:
        return None
    entry = current_entry(cell)
    if isinstance(entry, Control) and cell.rare is not None and cell.state is Lifecycle.STARTING and cell.incarnation == 1:
        return cell.rare.lineage
    return lineage_of(entry)


def _begun_here(cell: Cell, kind: str) -> Lineage | None:
    """Return the lineage of what the caller sends to `cell`, or starts there; None if it begins a tree, or is none of ours."""
    inside = scope.get()
    if inside is not None and inside[1] is current_cell():
        return Lineage(inside[0], 0, ((cell, kind),))
    lineage = lineage_here()
    return lineage.next(cell, kind) if lineage is not None else None


def next_lineage(cell: Cell, message: object) -> Lineage | None:
    """Return the lineage of `message`, which the caller sends to `cell`; None if it is part of no tree with a budget."""
    kind = _kind(message)
    lineage = _begun_here(cell, kind)
    budget = cell.system.config.budget
    if lineage is None and budget is not None:
        return Lineage(Purse(budget), 0, ((cell, kind),))
    return lineage


def of_start(cell: Cell) -> Lineage | None:
    """Return the lineage of the start of `cell`, by which what it sends in its first `on_start` goes on; None if nothing has one here."""
    return _begun_here(cell, "start")


def pay(cell: Cell, lineage: Lineage, message: object, future: Future[Any] | None = None) -> bool:
    """Pay for `message` to `cell`. Return False if it is over budget, and whom it concerns was told."""
    touched(cell.system.ports, None)  # who comes first may have what the others have not
    over = lineage.purse.spend(lineage.hops)
    if over is None:
        return True
    budget, chain = over.budget, lineage.chain()
    fates.dead_letter(cell, message, DeadLetterReason.OVER_BUDGET)
    if future is not None:
        future.try_fail(BudgetExceededError(budget, chain, message))
    if over.first_time():
        cell.system.events.publish(BudgetExceeded(budget, chain, message, cell.ref))
    return False


def give_back(lineage: Lineage | None) -> None:
    """Take back what was paid for a message that was not sent after all, if it has a lineage."""
    if lineage is not None:
        lineage.purse.give_back()


class CarryingInbox:
    """Stands before the mailbox and gives every message of a user its lineage; one that is over budget does not come in.

    What no bound holds back goes past it: stops, ticks, notices and piped results. One-shot timers and pipes have a lineage of their own.
    """

    __slots__ = ("_cell", "_door", "exempt", "queue")

    def __init__(self, cell: Cell, door: Any) -> None:
        self.queue = cell.queue
        self.exempt = getattr(door, "exempt", door.append)
        self._cell = cell
        self._door = door

    def append(self, entry: Any, *timeout: float) -> None:
        """Admit `entry` with its lineage."""
        self._admit(self._door.append, entry, *timeout)

    def offer(self, entry: Entry) -> Any:
        """Do as `append` does for a sender that awaits its admission to a bounded mailbox."""
        return self._admit(self._door.offer, entry)

    def _admit(self, admit: Any, entry: Any, *timeout: float) -> Any:
        if type(entry) is Entry:
            message, future, note = entry[:3]
            if message is STOP or type(note) not in FROM_USERS:
                return admit(entry, *timeout)  # the kernel's own, or of those who have seen to it
            rest = entry[3:]
        elif type(entry) is _ActorStop:
            return admit(entry, *timeout)
        else:
            message, future, note, rest = entry, None, None, ()
        lineage = next_lineage(self._cell, message)
        if lineage is None:
            return admit(entry, *timeout)
        if not pay(self._cell, lineage, message, future):
            return None
        carried = Carried(lineage, note.expires if note is not None else None)
        try:
            return admit(Entry((message, future, carried, *rest)), *timeout)
        except BaseException:  # refused
            carried.withdrawn()
            raise
