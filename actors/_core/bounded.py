"""The bounded mailbox at work.

An unbounded mailbox is a plain `deque`: senders append, the one actor pops. A bounded one is an object with the same three methods
(`append`, `popleft`, `__len__`) plus `exempt`, the way in for what no bound holds back: replies, ticks, notices and stops.
"""

from __future__ import annotations

import sys
from collections import deque
from enum import Enum
from typing import TYPE_CHECKING, Any

from actors._core import fates
from actors._core.context import current_cell
from actors._core.doors import Shut
from actors._core.events import DeadLetterReason, MailboxHighWater
from actors._core.future import Future
from actors._core.mutex import Mutex
from actors.errors import ActorDeadError, MailboxFullError, Timeout, WouldBlockError

if TYPE_CHECKING:
    from actors._core.cell import Cell
    from actors._core.mailbox import Bounded, Priority

__all__ = ["OWN", "BoundedMailbox", "Overflow", "bare", "uncounted"]


OWN = "and it is the sender's own"


class Overflow(Enum):
    """What a full mailbox does with one more message."""

    BLOCK = "block"
    REJECT = "reject"
    DROP_NEWEST = "drop newest"
    DROP_OLDEST = "drop oldest"


class _Uncounted(tuple[Any, ...]):
    """Holds an entry that does not count against the bound."""

    __slots__ = ()


def bare(entry: Any) -> Any:
    """Return the entry itself, whether it counts or not."""
    return entry[0] if type(entry) is _Uncounted else entry


def uncounted(entry: Any) -> Any:
    """Return a holder of `entry` that does not count; the caller counts it as exempted."""
    return _Uncounted((entry,))


def _mark(cell: Cell, capacity: int | None) -> int:
    """Return how many messages may wait before `MailboxHighWater` is published."""
    if cell.system.ports.dispatcher is not None:
        return sys.maxsize  # in a simulation, messages under way do not wait yet
    mark = cell.system.config.high_water
    return mark if capacity is None else min(mark, max(1, capacity * 4 // 5))


class BoundedMailbox:
    """A mailbox with a bound. All its state is guarded by `_lock`; no user code runs under it."""

    __slots__ = ("_cell", "_crowded", "_exempted", "_lock", "_mark", "_open", "_queue", "_waiting", "capacity", "overflow", "timeout")

    def __init__(self, cell: Cell, declared: Bounded | Priority) -> None:
        self._cell = cell
        self.capacity = declared.capacity
        self.overflow = declared.overflow
        self.timeout = declared.timeout
        self._lock = Mutex()
        self._queue = self._new_queue()
        self._exempted = 0  # entries in the queue that do not count
        self._open = True
        self._mark = _mark(cell, declared.capacity)
        self._crowded = False  # whether it was published that more wait than that
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
        self._exempted -= type(entry) is _Uncounted
        return bare(entry)

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

    def crowded(self) -> bool:
        """Tell whether one more message would find no room; a look in passing."""
        return self.capacity is not None and (len(self._queue) - self._exempted >= self.capacity or bool(self._waiting))

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
        waiting = 0
        with self._lock:
            if not self._open:
                raise Shut
            room = self._has_room()
            if room:
                self._put(prepared)
                if len(self._queue) > self._mark:
                    waiting = self._crossing()
            elif self.overflow is Overflow.DROP_OLDEST:
                self._put(prepared)
                victim = self._evict()
        if room:
            if waiting:
                self._tell_of(waiting)
        elif self.overflow is Overflow.DROP_OLDEST:
            fates.dropped(self._cell, self._entry(victim), DeadLetterReason.DROPPED_OLDEST)
        elif self.overflow is Overflow.DROP_NEWEST:
            fates.dropped(self._cell, entry, DeadLetterReason.DROPPED_NEWEST)
        elif self.overflow is Overflow.REJECT:
            raise self.full(entry)
        else:
            self._wait_for_room(entry, self.patience(entry, timeout))

    def patience(self, entry: Any, timeout: float | None) -> float | None:
        """Return how long a sender with `timeout` waits for room: that, the declared time, or until its deadline, whichever is shortest."""
        note = self._cell.unwrap(entry)[2]
        left = None if note is None or note.expires is None else max(0.0, note.expires - self._cell.system.ports.clock.now())
        given = [seconds for seconds in (timeout, self.timeout, left) if seconds is not None]
        return min(given) if given else None

    def full(self, entry: Any, why: str = "") -> MailboxFullError:
        """Return the error for an entry that found no room."""
        return MailboxFullError(self._cell.label(), self._cell.unwrap(entry)[0], self.capacity or 0, why)

    def _wait_for_room(self, entry: Any, timeout: float | None) -> None:
        cell = self._cell
        message = cell.unwrap(entry)[0]
        if current_cell() is cell:
            raise self.full(entry, OWN)
        if cell.system.ports.waiter.on_loop():
            raise WouldBlockError(cell.label(), message, self.capacity or 0)
        admitted = self.offer(entry)
        try:
            admitted.get(timeout=timeout)
        except Timeout:
            if self.withdraw(admitted):
                raise self.full(entry, f"for {timeout} seconds") from None
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
        admitted._about = self
        with self._lock:
            if not self._open:
                raise Shut
            if not self._has_room():
                self._waiting.append((prepared, admitted))
                return admitted
            self._put(prepared)
            waiting = self._crossing()
        admitted.set(None)
        self._tell_of(waiting)
        return admitted

    def withdraw(self, admitted: Future[None]) -> bool:
        """Leave the line of `offer`; return False if admission came first."""
        with self._lock:
            place = next((index for index, (_, future) in enumerate(self._waiting) if future is admitted), None)
            if place is None:
                return False
            prepared = self._waiting[place][0]
            del self._waiting[place]
        note = self._cell.unwrap(self._entry(prepared))[2]
        if note is not None:
            note.withdrawn()
        return True

    def exempt(self, entry: Any) -> None:
        """Admit `entry` whatever the bound; raise Shut if closed."""
        with self._lock:
            if not self._open:
                raise Shut
            self._put_exempt(entry)

    # -- the high-water mark -----------------------------------------------------------------------------------------------

    def _crossing(self) -> int:
        """Return how many wait if that is news to be told after the lock is given back, else 0. Under the lock."""
        if len(self._queue) <= self._mark or self._crowded or self._cell.system.events.idle:
            return 0
        self._crowded = True
        return len(self)

    def _tell_of(self, waiting: int) -> None:
        if waiting:
            self._cell.system.events.publish(MailboxHighWater(self._cell.ref, waiting, self._mark))

    def look(self) -> None:
        """Publish if too many messages wait."""
        with self._lock:
            waiting = self._crossing()
        self._tell_of(waiting)

    def _prepare(self, entry: Any) -> Any:
        return entry

    def _entry(self, prepared: Any) -> Any:
        return prepared

    def entries(self) -> tuple[Any, ...]:
        """Return what waits, in no particular order."""
        with self._lock:
            return tuple(bare(entry) for entry in self._queue)

    # -- who looks on ------------------------------------------------------------------------------------------------------

    def about(self) -> tuple[tuple[str, Cell | str], ...]:
        """Return what a sender waits for here."""
        return (("room", self._cell),)

    def glance(self) -> list[Any]:
        """Return what waits, the next one first, without the lock: nobody who looks on has to wait for one that orders a heap.

        Raises:
            RuntimeError: it was changed meanwhile.
        """
        return [bare(entry) for entry in list(self._queue)]

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
            if self._crowded and 2 * len(self) < self._mark:
                self._crowded = False
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
