"""Lanes by key: jobs of one key are done one after the other, in the order sent, come what may.

All waiting jobs of a key are in its own queue. A lane holds keys, not jobs: those that have jobs waiting and none with a worker. So
whoever takes from a lane takes the oldest job of a key that nobody is at, and when the slots change, keys move and no queue is touched.

Keys of one lane take turns: one that never ends does not keep the others waiting.
"""

from __future__ import annotations

import functools
import itertools
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from actors.routers.ring import Ring, hash_of

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Sequence

    from actors.routers.pool.jobs import Job
    from actors.routers.pool.slots import Slot
    from actors.routers.routing import ConsistentHash

__all__ = ["KeyedLanes"]

KNOWN = 10_000  # keys whose owner is remembered


class _Key:
    """A key that has jobs.

    Attributes:
        value: the key.
        waiting: its jobs that wait, in order.
        under_way: how many of its jobs are with a worker: all in one batch, or just one.
        lane: that of its owner while it stands there; else None.
    """

    __slots__ = ("lane", "under_way", "value", "waiting")

    def __init__(self, value: Hashable) -> None:
        self.value = value
        self.waiting: OrderedDict[Job, None] = OrderedDict()
        self.under_way = 0
        self.lane: OrderedDict[_Key, None] | None = None


class KeyedLanes:
    """The lanes of a pool with consistent hashing; see `Lanes`."""

    def __init__(self, routing: ConsistentHash) -> None:
        self._key_of = routing.key
        self._points = routing.points
        self._keys: dict[Hashable, _Key] = {}
        self._slots: Sequence[Slot] = ()
        self._find: Callable[[Any], int] | None = None
        self._homeless: OrderedDict[_Key, None] = OrderedDict()  # while there is no slot

    def prepare(self, job: Job) -> None:
        """Find the key. What the function of the user raises goes to the sender.

        Raises:
            TypeError: it gives no str, bytes or int.
        """
        job.key = _plain(self._key_of(job.message))

    def add(self, job: Job) -> Slot | None:
        """See `Lanes`."""
        key = self._key(job)
        key.waiting[job] = None
        job.lane = key.waiting
        return self._stand(key)

    def back(self, jobs: Iterable[Job]) -> None:
        """See `Lanes`."""
        for job in reversed(list(jobs)):
            key = self._keys[job.key]  # it is kept while a job of it is under way
            key.under_way -= 1
            key.waiting[job] = None
            key.waiting.move_to_end(job, last=False)
            job.lane = key.waiting
            self._stand(key, first=True)

    def peek(self, slot: Slot) -> Job | None:
        """See `Lanes`."""
        return next(iter(next(iter(slot.lane)).waiting)) if slot.lane else None

    def take(self, slot: Slot) -> Job | None:
        """See `Lanes`. Batches go on with the key that they have begun with."""
        if not slot.lane:
            return None
        key: _Key = next(iter(slot.lane))
        job = key.waiting.popitem(last=False)[0]
        key.under_way += 1
        self._leave(key)
        return job

    def take_more(self, slot: Slot, last: Job) -> Job | None:
        """Take one more for a batch that has `last` already: of the same key, in order, or else of the next.

        One that comes again comes alone.
        """
        key = self._keys[last.key]
        if not key.waiting:
            following = self.peek(slot)
            return self.take(slot) if following is not None and not following.deliveries else None
        job = next(iter(key.waiting))
        del key.waiting[job]
        key.under_way += 1
        return job

    def count(self, slot: Slot, most: int) -> int:
        """See `Lanes`."""
        found = 0
        for key in itertools.islice(slot.lane, most):
            found += len(key.waiting)
            if found >= most:
                return most
        return found

    def remove(self, job: Job) -> None:
        """See `Lanes`."""
        key = self._keys[job.key]
        del key.waiting[job]
        if not key.waiting:
            self._leave(key)
            self._forget(key)

    def over(self, job: Job) -> Slot | None:
        """See `Lanes`."""
        key = self._keys[job.key]
        key.under_way -= 1
        if key.waiting:
            return self._stand(key)
        self._forget(key)
        return None

    def held(self, job: Job) -> None:
        """See `Lanes`."""
        self._key(job).under_way += 1

    def opened(self, slot: Slot) -> None:
        """See `Lanes`."""

    def closed(self, slot: Slot) -> None:
        """See `Lanes`."""

    def relay(self, slots: Sequence[Slot]) -> None:
        """See `Lanes`."""
        for lane in self._lanes():
            lane.clear()
        self._slots = tuple(slots)
        ring = Ring([slot.name for slot in slots], self._points) if slots else None
        self._find = functools.lru_cache(maxsize=KNOWN, typed=True)(ring.find) if ring is not None else None
        standing = [key for key in self._keys.values() if key.lane is not None]
        for key in sorted(standing, key=lambda key: next(iter(key.waiting)).number):
            key.lane = None
            self._stand(key)

    def oldest(self) -> Job | None:
        """See `Lanes`. Looks at all keys."""
        heads = [next(iter(key.waiting)) for key in self._keys.values() if key.waiting]
        return min(heads, key=lambda job: job.number, default=None)

    def everyone(self) -> list[Job]:
        """See `Lanes`."""
        return sorted((job for key in self._keys.values() for job in key.waiting), key=lambda job: job.number)

    # Invariant: a key stands in the lane of its owner, and in no other, exactly while it has jobs waiting and none under way.

    def _stand(self, key: _Key, *, first: bool = False) -> Slot | None:
        """Let a key that nobody is at stand in the lane of its owner; return that if it could take a job now."""
        if key.under_way or key.lane is not None:
            return None
        slot = self._slots[self._find(key.value)] if self._find is not None else None
        key.lane = slot.lane if slot is not None else self._homeless
        key.lane[key] = None
        if first:
            key.lane.move_to_end(key, last=False)
        return slot if slot is not None and slot.open else None

    def _key(self, job: Job) -> _Key:
        key = self._keys.get(job.key)
        if key is None:
            self._keys[job.key] = key = _Key(job.key)
        return key

    def _leave(self, key: _Key) -> None:
        if key.lane is not None:
            del key.lane[key]
            key.lane = None

    def _forget(self, key: _Key) -> None:
        if not key.under_way:
            del self._keys[key.value]

    def _lanes(self) -> list[OrderedDict[Any, None]]:
        return [*(slot.lane for slot in self._slots), self._homeless]


def _plain(key: Any) -> str | bytes | int:
    """Return `key` as one of the three kinds itself: what compares keys, under a lock, is not the code of a user."""
    kind = type(key)
    if kind is str or kind is int or kind is bytes:
        return key
    hash_of(key)  # refuses what is none
    return str.__str__(key) if isinstance(key, str) else bytes(key) if isinstance(key, bytes) else int.__int__(key)
