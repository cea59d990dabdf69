"""Where jobs wait for a worker, and in which order they are handed out. Everything here runs under the lock of the pool's books."""

from __future__ import annotations

import itertools
from collections import OrderedDict
from typing import TYPE_CHECKING, Protocol

from actors.routers.routing import ConsistentHash, Members

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from actors._core.ports import Ports
    from actors.routers.pool.jobs import Job
    from actors.routers.pool.slots import Slot
    from actors.routers.routing import Routing

__all__ = ["Lanes", "OwnLanes", "SharedLane"]


class Lanes(Protocol):
    """The waiting jobs of a pool."""

    def prepare(self, job: Job) -> None:
        """Find out what is needed of a job to place it. In the sender's own call and without the lock: it may run code of users."""

    def add(self, job: Job) -> Slot | None:
        """Let `job` wait behind the others; return a slot that could take it now, if there is one."""

    def back(self, jobs: Iterable[Job]) -> None:
        """Let jobs that were with a worker, in order, wait before all others; and no worker is at them any more."""

    def peek(self, slot: Slot) -> Job | None:
        """Return what `take` would."""

    def take(self, slot: Slot) -> Job | None:
        """Take the next job for `slot` out."""

    def count(self, slot: Slot, most: int) -> int:
        """Return for how many jobs `take` could be called, `most` at most."""

    def remove(self, job: Job) -> None:
        """Take one out that waits."""

    def over(self, job: Job) -> Slot | None:
        """Take note that no worker is at `job` any more; return a slot that could take one of those that waited for this."""

    def held(self, job: Job) -> None:
        """Take note that a worker is at `job`, which was not taken from here."""

    def opened(self, slot: Slot) -> None:
        """Take note that `slot` could take a job, and there is none for it."""

    def closed(self, slot: Slot) -> None:
        """Take note that `slot` can take none."""

    def relay(self, slots: Sequence[Slot]) -> None:
        """Place all waiting jobs anew, in order: these are the slots from now on."""

    def oldest(self) -> Job | None:
        """Return the job that waits in front."""

    def everyone(self) -> list[Job]:
        """Return all that wait, oldest first."""


class SharedLane:
    """Work pulling: one lane, and whoever is free takes the next.

    Args:
        packed: of several that are free, let the one take it that came free last, not first: those that are not needed have nothing to do.
    """

    def __init__(self, *, packed: bool = False) -> None:
        self._waiting: OrderedDict[Job, None] = OrderedDict()
        self._free: OrderedDict[Slot, None] = OrderedDict()  # those that could take a job, longest idle first
        self._packed = packed

    def prepare(self, job: Job) -> None:
        """Nothing is needed."""

    def add(self, job: Job) -> Slot | None:
        """See `Lanes`."""
        self._waiting[job] = None
        if not self._free:
            return None
        return next(reversed(self._free) if self._packed else iter(self._free))

    def back(self, jobs: Iterable[Job]) -> None:
        """See `Lanes`."""
        for job in reversed(list(jobs)):
            self._waiting[job] = None
            self._waiting.move_to_end(job, last=False)

    def peek(self, slot: Slot) -> Job | None:  # noqa: ARG002  # as in `Lanes`
        """See `Lanes`."""
        return next(iter(self._waiting)) if self._waiting else None

    def take(self, slot: Slot) -> Job | None:  # noqa: ARG002
        """See `Lanes`."""
        return self._waiting.popitem(last=False)[0] if self._waiting else None

    def count(self, slot: Slot, most: int) -> int:  # noqa: ARG002
        """See `Lanes`."""
        return min(most, len(self._waiting))

    def remove(self, job: Job) -> None:
        """See `Lanes`."""
        del self._waiting[job]

    def over(self, job: Job) -> Slot | None:  # noqa: ARG002
        """See `Lanes`."""
        return None

    def held(self, job: Job) -> None:
        """See `Lanes`."""

    def opened(self, slot: Slot) -> None:
        """See `Lanes`."""
        self._free[slot] = None

    def closed(self, slot: Slot) -> None:
        """See `Lanes`."""
        self._free.pop(slot, None)

    def relay(self, slots: Sequence[Slot]) -> None:
        """See `Lanes`."""
        staying = set(slots)
        for slot in [slot for slot in self._free if slot not in staying]:
            del self._free[slot]

    def oldest(self) -> Job | None:
        """See `Lanes`."""
        return next(iter(self._waiting)) if self._waiting else None

    def everyone(self) -> list[Job]:
        """See `Lanes`."""
        return list(self._waiting)


class OwnLanes:
    """A lane for each slot, chosen when the job comes in."""

    def __init__(self, routing: Routing, ports: Ports, loads: Callable[[Slot], int]) -> None:
        assert not isinstance(routing, ConsistentHash)  # it has lanes of its own kind
        self._routing = routing
        self._random = ports.random.random
        self._loads = loads
        self._turn = itertools.count().__next__
        self._slots: Sequence[Slot] = ()
        self._choose: Callable[[object], Slot] | None = None
        self._homeless: OrderedDict[Job, None] = OrderedDict()  # while there is no slot

    def prepare(self, job: Job) -> None:
        """Nothing is needed: the strategies are our own."""

    def add(self, job: Job) -> Slot | None:
        """See `Lanes`."""
        if self._choose is None:
            job.lane = self._homeless
            job.lane[job] = None
            return None
        slot = self._choose(job.message)
        job.lane = slot.lane
        job.lane[job] = None
        return slot if slot.open else None

    def back(self, jobs: Iterable[Job]) -> None:
        """See `Lanes`. They go to where they were, if that is still there."""
        for job in reversed(list(jobs)):
            home = job.slot if job.slot in self._slots else None
            if home is not None:
                job.lane = home.lane
            else:
                self.add(job)
            assert job.lane is not None  # it has just got one
            job.lane[job] = None
            job.lane.move_to_end(job, last=False)

    def peek(self, slot: Slot) -> Job | None:
        """See `Lanes`."""
        return next(iter(slot.lane)) if slot.lane else None

    def take(self, slot: Slot) -> Job | None:
        """See `Lanes`."""
        return slot.lane.popitem(last=False)[0] if slot.lane else None

    def count(self, slot: Slot, most: int) -> int:
        """See `Lanes`."""
        return min(most, len(slot.lane))

    def remove(self, job: Job) -> None:
        """See `Lanes`."""
        assert job.lane is not None  # it waits
        del job.lane[job]

    def over(self, job: Job) -> Slot | None:  # noqa: ARG002  # as in `Lanes`
        """See `Lanes`."""
        return None

    def held(self, job: Job) -> None:
        """See `Lanes`."""

    def opened(self, slot: Slot) -> None:
        """See `Lanes`."""

    def closed(self, slot: Slot) -> None:
        """See `Lanes`."""

    def relay(self, slots: Sequence[Slot]) -> None:
        """See `Lanes`."""
        jobs = self.everyone()
        for lane in self._lanes():
            lane.clear()
        self._slots = tuple(slots)
        members = Members(tuple(slots), lambda slot: slot.name, self._loads, self._turn, self._random)
        self._choose = self._routing.chooser(members) if slots else None
        for job in jobs:
            self.add(job)

    def oldest(self) -> Job | None:
        """See `Lanes`. Looks at all lanes."""
        heads = [next(iter(lane)) for lane in self._lanes() if lane]
        return min(heads, key=lambda job: job.number, default=None)

    def everyone(self) -> list[Job]:
        """See `Lanes`."""
        return sorted((job for lane in self._lanes() for job in lane), key=lambda job: job.number)

    def _lanes(self) -> list[OrderedDict[Job, None]]:
        return [*(slot.lane for slot in self._slots), self._homeless]
