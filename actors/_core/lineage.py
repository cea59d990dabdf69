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

__all__ = ["Budget", "Carried", "CarryingInbox", "Lineage", "Purse", "lineage_here", "lineage_of", "next_lineage", "pay", "scope"]

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
        self._lock = Mutex()  # guards the next two
        self._spent = 0
        self._told = False

    def spend(self, hops: int) -> Purse | None:
        """Pay for one message, so many hops away from the first one. Return the purse that had too little, None if it was paid."""
        budget, outer = self.budget, self._outer
        if budget.hops is not None and hops > budget.hops:
            return self
        over = outer.purse.spend(outer.hops + 1 + hops) if outer is not None else None
        if over is not None or budget.messages is None:
            return over
        with self._lock:
            if self._spent >= budget.messages:
                return self
            self._spent += 1
            return None

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
    """Where a message comes from. Immutable once the message is sent.

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

    def next(self, cell: Cell, message: object) -> Lineage:
        """Return the lineage of `message`, which the handler of a message with this one sends to `cell`."""
        way = self.way if len(self.way) < LINKS else (self.way[0], *self.way[2:])
        return Lineage(self.purse, self.hops + 1, (*way, (cell, _kind(message))))

    def chain(self) -> tuple[Link, ...]:
        """Return the way, for people."""
        return tuple(Link(cell.path, kind) for cell, kind in self.way)


class Carried(Note):
    """The note of a message that has a lineage, and nothing else but perhaps a deadline."""

    __slots__ = ("lineage",)
    stays = True

    def __init__(self, lineage: Lineage, expires: float | None = None) -> None:
        super().__init__(expires)
        self.lineage = lineage


# What begins where this is set is one tree: (its purse, the cell whose handler set it). A task that inherits the context of that handler
# goes on with it; the handler of another actor, begun on the same stack, does not.
scope: ContextVar[tuple[Purse, Cell | None] | None] = ContextVar("greenroom_budget", default=None)


def lineage_of(entry: Any) -> Lineage | None:
    """Return the lineage of a mailbox entry, None if it has none."""
    return getattr(entry[2], "lineage", None) if type(entry) is Entry else None


def lineage_here() -> Lineage | None:
    """Return the lineage of what the caller is at: a message, or the first `on_start` of an actor started in the handler of one."""
    cell = current_cell()
    if cell is None:
        return None
    entry = current_entry(cell)
    if isinstance(entry, Control) and cell.rare is not None and cell.state is Lifecycle.STARTING and cell.incarnation == 1:
        return cell.rare.lineage
    return lineage_of(entry)


def next_lineage(cell: Cell, message: object) -> Lineage | None:
    """Return the lineage of what the caller sends to `cell`; None if it is part of no tree with a budget."""
    inside = scope.get()
    if inside is not None and inside[1] is current_cell():
        return Lineage(inside[0], 0, ((cell, _kind(message)),))
    lineage = lineage_here()
    if lineage is not None:
        return lineage.next(cell, message)
    budget = cell.system.config.budget
    return Lineage(Purse(budget), 0, ((cell, _kind(message)),)) if budget is not None else None


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
        carried = self._carried(entry)
        if carried is not None:
            self._door.append(carried, *timeout)

    def offer(self, entry: Entry) -> Any:
        """Do as `append` does for a sender that awaits its admission to a bounded mailbox."""
        carried = self._carried(entry)
        return None if carried is None else self._door.offer(carried)

    def _carried(self, entry: Any) -> Any:
        """Return the entry that is to be admitted; None if it was over budget, and has found its end."""
        if type(entry) is Entry:
            message, future, note = entry[:3]
            if message is STOP or not (note is None or type(note) in (Note, Carried)):  # Carried: of a router that passes it on
                return entry  # the kernel's own, or of those who have seen to it
            rest = entry[3:]
        elif type(entry) is _ActorStop:
            return entry
        else:
            message, future, note, rest = entry, None, None, ()
        lineage = next_lineage(self._cell, message)
        if lineage is None:
            return entry
        if not pay(self._cell, lineage, message, future):
            return None
        return Entry((message, future, Carried(lineage, note.expires if note is not None else None), *rest))
