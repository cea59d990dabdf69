"""Mailboxes: what a class declares, and the bounded and prioritised ones at work.

An unbounded mailbox is a plain `deque`: senders append, the one actor pops. The others are objects with the same three methods
(`append`, `popleft`, `__len__`) plus `exempt`, the way in for what no bound holds back: replies, ticks, notices and stops.
"""

from __future__ import annotations

import heapq
from collections import deque
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any

from actors._core import fates
from actors._core.callbacks import check_callback
from actors._core.context import current_cell
from actors._core.events import DeadLetterReason
from actors._core.future import Future
from actors._core.messages import STOP, Down
from actors._core.mutex import Mutex
from actors.errors import ActorDeadError, MailboxFullError, Timeout, WouldBlockError

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors._core.cell import Cell

__all__ = ["CLOSED", "COLD", "Bounded", "BoundedMailbox", "Door", "Mailbox", "Overflow", "Priority", "Shut", "Unbounded"]


class Overflow(Enum):
    """What a full mailbox does with one more message."""

    BLOCK = "block"
    REJECT = "reject"
    DROP_NEWEST = "drop newest"
    DROP_OLDEST = "drop oldest"


def _check_capacity(capacity: object) -> None:
    if not isinstance(capacity, int) or isinstance(capacity, bool) or capacity < 1:
        msg = f"capacity={capacity!r} is not valid: a mailbox holds a whole number of messages, 1 or more"
        raise ValueError(msg)


def _check_overflow(overflow: object, timeout: object) -> None:
    if not isinstance(overflow, Overflow):
        msg = f"overflow={overflow!r} is not valid: use a member of Overflow"
        raise TypeError(msg)
    if timeout is None:
        return
    if isinstance(timeout, bool) or not isinstance(timeout, int | float):
        msg = f"timeout={timeout!r} is not valid: a number of seconds, or None"
        raise TypeError(msg)
    if not timeout >= 0:
        msg = f"timeout={timeout!r} is not valid: seconds, 0 or more, or None"
        raise ValueError(msg)
    if overflow is not Overflow.BLOCK:
        msg = f"timeout={timeout!r} is not valid with overflow={overflow}: only Overflow.BLOCK waits"
        raise ValueError(msg)


@dataclass(frozen=True, slots=True)
class Unbounded:
    """A mailbox without bound: sends never wait and never fail for want of room."""

    def build(self, cell: Cell) -> BoundedMailbox | None:  # noqa: ARG002  # same signature for every declaration
        """Return the mailbox object; None means a plain deque."""
        return None


@dataclass(frozen=True, slots=True)
class Bounded:
    """A mailbox of at most `capacity` waiting messages.

    Args:
        capacity: how many messages may wait.
        overflow: what happens to one more.
        timeout: for `Overflow.BLOCK`, seconds a sender waits before MailboxFullError; None waits for ever.
    """

    capacity: int
    overflow: Overflow = Overflow.BLOCK
    timeout: float | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        _check_capacity(self.capacity)
        _check_overflow(self.overflow, self.timeout)

    def build(self, cell: Cell) -> BoundedMailbox:
        """Return the mailbox object for `cell`."""
        return BoundedMailbox(cell, self)


@dataclass(frozen=True, slots=True)
class Priority:
    """A mailbox that hands out the message with the lowest `key(message)` first; equal keys in the order sent.

    Args:
        key: called by the sender; must be quick. What it raises, the sender gets, and also what comparing its result with others
            raises. The results are compared under the mailbox's lock: return numbers, strings or tuples of these.
        capacity: how many messages may wait; None: any number.
        overflow: what happens to one more. DROP_OLDEST drops the message that would be handled last.
        timeout: as for `Bounded`.
    """

    key: Callable[[Any], Any]
    capacity: int | None = field(default=None, kw_only=True)
    overflow: Overflow = field(default=Overflow.REJECT, kw_only=True)
    timeout: float | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        check_callback("key", self.key, "a function of the message")
        if self.capacity is not None:
            _check_capacity(self.capacity)
        _check_overflow(self.overflow, self.timeout)

    def build(self, cell: Cell) -> BoundedMailbox:
        """Return the mailbox object for `cell`."""
        return PriorityMailbox(cell, self)


Mailbox = Unbounded | Bounded | Priority


class Shut(Exception):  # a detour, not an error
    """Raised by a door instead of taking a message: the sender takes the long way."""


class Door:
    """Stands where the mailbox would: the actor has none now (cold), or takes no more (closed)."""

    __slots__ = ()

    def append(self, _: object, *_timeout: float) -> None:
        """Send the sender the long way."""
        raise Shut

    exempt = offer = append


COLD = Door()
CLOSED = Door()


class _Uncounted(tuple[Any, ...]):
    """Holds an entry that does not count against the bound."""

    __slots__ = ()


class BoundedMailbox:
    """A mailbox with a bound. All its state is guarded by `_lock`; no user code runs under it."""

    __slots__ = ("_cell", "_exempted", "_lock", "_open", "_queue", "_waiting", "capacity", "overflow", "timeout")

    def __init__(self, cell: Cell, declared: Bounded | Priority) -> None:
        self._cell = cell
        self.capacity = declared.capacity
        self.overflow = declared.overflow
        self.timeout = declared.timeout
        self._lock = Mutex()
        self._queue = self._new_queue()
        self._exempted = 0  # entries in the queue that do not count
        self._open = True
        # Senders that wait for room, in order: (entry, future of its admission).
        self._waiting: deque[tuple[Any, Future[None]]] = deque()

    def _new_queue(self) -> Any:
        return deque()

    # the queue's own order: overridden by the priority mailbox
    def _put(self, entry: Any) -> None:
        self._queue.append(entry)

    def _put_exempt(self, entry: Any) -> None:
        self._exempted += 1
        self._queue.append(_Uncounted((entry,)))

    def _take(self) -> Any:
        entry = self._queue.popleft()
        if type(entry) is _Uncounted:
            self._exempted -= 1
            return entry[0]
        return entry

    def _evict(self) -> Any:
        """Take out the oldest counted entry."""
        for index, entry in enumerate(self._queue):
            if type(entry) is not _Uncounted:
                del self._queue[index]
                return entry
        return None

    def __len__(self) -> int:
        return len(self._queue)

    def _has_room(self) -> bool:
        return self.capacity is None or (len(self._queue) - self._exempted < self.capacity and not self._waiting)

    # -- senders -----------------------------------------------------------------------------------------------------------

    def append(self, entry: Any, timeout: float | None = None) -> None:
        """Admit `entry`, or do what the overflow policy says.

        Args:
            entry: what is sent.
            timeout: seconds the sender will wait for room, if fewer than the declared ones.

        Raises:
            Shut: the mailbox is closed.
            MailboxFullError: refused, or no room within the timeout.
            WouldBlockError: the caller is an event loop and would have to wait.
        """
        prepared = self._prepare(entry)
        victim: Any = None
        with self._lock:
            if not self._open:
                raise Shut
            if self._has_room():
                self._put(prepared)
                return
            if self.overflow is Overflow.DROP_OLDEST:
                self._put(prepared)
                victim = self._evict()
            elif self.overflow is Overflow.DROP_NEWEST:
                victim = prepared
        if self.overflow is Overflow.DROP_OLDEST:
            fates.dropped(self._cell, self._entry(victim), DeadLetterReason.DROPPED_OLDEST)
        elif self.overflow is Overflow.DROP_NEWEST:
            fates.dropped(self._cell, entry, DeadLetterReason.DROPPED_NEWEST)
        elif self.overflow is Overflow.REJECT:
            raise self.full(entry)
        else:
            self._wait_for_room(entry, self.patience(timeout))

    def patience(self, timeout: float | None) -> float | None:
        """Return how long a sender with `timeout` waits for room: its own time or the declared one, whichever is shorter."""
        given = [seconds for seconds in (timeout, self.timeout) if seconds is not None]
        return min(given) if given else None

    def full(self, entry: Any, waited: float | None = None) -> MailboxFullError:
        """Return the error for an entry that found no room."""
        why = f"for {waited} seconds" if waited is not None else ""
        return MailboxFullError(self._cell.label(), self._cell.unwrap(entry)[0], self.capacity or 0, why)

    def _wait_for_room(self, entry: Any, timeout: float | None) -> None:
        cell = self._cell
        message = cell.unwrap(entry)[0]
        if current_cell() is cell:
            raise MailboxFullError(cell.label(), message, self.capacity or 0, "and it is the sender's own")
        if cell.system.ports.waiter.on_loop():
            raise WouldBlockError(cell.label(), message, self.capacity or 0)
        admitted = self.offer(entry)
        try:
            admitted.get(timeout=timeout)
        except Timeout:
            if self.withdraw(admitted):
                raise self.full(entry, timeout) from None
            admitted.get()  # let in at this very moment, or sent back because the actor ended
        except BaseException:
            self.withdraw(admitted)
            raise

    def offer(self, entry: Any) -> Future[None]:
        """Queue up for admission behind the senders that wait already; return the future of being let in.

        Under another policy than BLOCK, that policy is applied at once.
        """
        admitted: Future[None] = Future()
        if self.overflow is not Overflow.BLOCK:
            self.append(entry)
            admitted.set(None)
            return admitted
        prepared = self._prepare(entry)
        admitted._cell = self._cell
        with self._lock:
            if not self._open:
                raise Shut
            if not self._has_room():
                self._waiting.append((prepared, admitted))
                return admitted
            self._put(prepared)
        admitted.set(None)
        return admitted

    def withdraw(self, admitted: Future[None]) -> bool:
        """Leave the line of `offer`; return False if admission came first."""
        with self._lock:
            for index, (_, future) in enumerate(self._waiting):
                if future is admitted:
                    del self._waiting[index]
                    return True
        return False

    def exempt(self, entry: Any) -> None:
        """Admit `entry` whatever the bound; raise Shut if closed."""
        with self._lock:
            if not self._open:
                raise Shut
            self._put_exempt(entry)

    def _prepare(self, entry: Any) -> Any:
        return entry

    def _entry(self, prepared: Any) -> Any:
        return prepared

    def entries(self) -> tuple[Any, ...]:
        """Return what waits, in no particular order."""
        with self._lock:
            return tuple(entry[0] if type(entry) is _Uncounted else entry for entry in self._queue)

    # -- the actor ---------------------------------------------------------------------------------------------------------

    def popleft(self) -> Any:
        """Take the next entry, and let the sender that has waited longest in. Raises IndexError when empty."""
        admitted: Future[None] | None = None
        refused: list[tuple[Future[None], Exception]] = []
        with self._lock:
            entry = self._take()
            while self._waiting and admitted is None and (self.capacity is None or len(self._queue) - self._exempted < self.capacity):
                waiting, future = self._waiting.popleft()
                try:
                    self._put(waiting)
                except Exception as error:  # noqa: BLE001  # what a key raises is its sender's, not the actor's
                    refused.append((future, error))
                else:
                    admitted = future
        if admitted is not None:
            admitted.try_set(None)
        for sender, why in refused:
            sender.try_fail(why)
        return entry

    def put_back(self, entries: list[Any]) -> None:
        """Put unstashed entries at the front, in order, whatever the bound."""
        with self._lock:
            self._exempted += len(entries)
            self._queue.extendleft(_Uncounted((entry,)) for entry in reversed(entries))

    def close(self) -> None:
        """Admit nothing from now on; senders that wait get ActorDeadError with their message."""
        with self._lock:
            self._open = False
            waiting, self._waiting = self._waiting, deque()
        for prepared, admitted in waiting:
            entry = self._entry(prepared)
            message = self._cell.unwrap(entry)[0]
            label = self._cell.label()
            admitted.try_fail(ActorDeadError(f"{label} stopped before it had room for the message", label, message))


class _Ranked:
    """An entry in its place: the lowest (epoch, key, number) comes first."""

    __slots__ = ("counted", "entry", "rank")

    def __init__(self, epoch: int, key: Any, number: int, entry: Any, *, counted: bool) -> None:
        self.rank = (epoch, key, number)
        self.entry = entry
        self.counted = counted

    def __lt__(self, other: _Ranked) -> bool:
        try:
            return self.rank < other.rank
        except Exception:  # noqa: BLE001  # keys that do not compare cost the order among themselves, never an entry
            return self.rank[::2] < other.rank[::2]


class PriorityMailbox(BoundedMailbox):
    """A heap of ranked entries.

    A stop or `Down` begins a new epoch: it comes after everything sent before it and before everything sent later, whatever the
    keys. Other exempt entries (ticks, piped results) are ranked by key like any message.
    """

    __slots__ = ("_ahead", "_epoch", "_key", "_number")

    def __init__(self, cell: Cell, declared: Priority) -> None:
        super().__init__(cell, declared)
        self._key = declared.key
        self._number = 0  # written under the lock, like `_epoch`
        self._epoch = 0
        self._ahead: deque[Any] = deque()  # unstashed entries

    def _new_queue(self) -> Any:
        return []

    def __len__(self) -> int:
        return len(self._queue) + len(self._ahead)

    def _prepare(self, entry: Any) -> Any:
        return (self._key(self._cell.unwrap(entry)[0]), entry)

    def _entry(self, prepared: Any) -> Any:
        return prepared[-1]

    def _push(self, key: Any, entry: Any, *, counted: bool) -> None:
        """Put `entry` in its place; what comparing its key raises comes before anything is changed."""
        self._number += 1
        queue: list[_Ranked] = self._queue
        item = _Ranked(self._epoch, key, self._number, entry, counted=counted)
        place = len(queue)
        while place and item.rank < queue[(place - 1) >> 1].rank:
            place = (place - 1) >> 1
        hole = len(queue)
        queue.append(item)
        while hole != place:
            queue[hole] = queue[(hole - 1) >> 1]
            hole = (hole - 1) >> 1
        queue[place] = item

    def _put(self, prepared: Any) -> None:
        self._push(prepared[0], prepared[1], counted=True)

    def exempt(self, entry: Any) -> None:
        """Admit `entry` whatever the bound; raise Shut if closed."""
        message = entry[0]
        ranked = message is not STOP and type(message) is not Down
        key: Any = None
        # A kernel message that the key was not made for keeps its place instead.
        if ranked:
            try:
                key = self._key(message)
            except Exception:  # noqa: BLE001
                ranked = False
        with self._lock:
            if not self._open:
                raise Shut
            self._exempted += 1
            if ranked:
                try:
                    self._push(key, entry, counted=False)
                except Exception:  # noqa: BLE001
                    ranked = False
            if not ranked:
                self._epoch += 1
                self._push(None, entry, counted=False)
                self._epoch += 1

    def _take(self) -> Any:
        if self._ahead:
            return self._ahead.popleft()
        item = heapq.heappop(self._queue)
        self._exempted -= not item.counted
        return item.entry

    def _evict(self) -> Any:
        last = max(item for item in self._queue if item.counted)
        self._queue.remove(last)
        heapq.heapify(self._queue)
        return (None, last.entry)

    def entries(self) -> tuple[Any, ...]:
        """Return what waits, in no particular order."""
        with self._lock:
            return (*self._ahead, *(item.entry for item in self._queue))

    def put_back(self, entries: list[Any]) -> None:
        """Put unstashed entries ahead of everything, in order."""
        with self._lock:
            self._ahead.extendleft(reversed(entries))
